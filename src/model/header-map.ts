/** Fields that were parsed and validated but not cut into strings: most are only passed on. Immutable. */
export interface UncutFields {
  /** Which of the `Watched` fields are among them. */
  readonly seen: number;
  /** Appends every field, in order. */
  cut(names: string[], values: string[]): void;
}

/**
 * Header fields as they came: names with their case, order and duplicates kept; lookups ignore case.
 *
 * Two ways in. The `Headers`-like methods are for hooks and configuration: they validate what they are given and refuse
 * the fields that frame a message (RFC 9110 §7.6.1, RFC 9112 §6), which belong to the codec. `rawNames`/`rawValues` and
 * `push`/`replace`/`remove` are for the edges, transports and the forwarding code, which hand over what was validated before.
 */
export class HeaderMap {
  /**
   * The fields were parsed by our own codec, which validates every octet and takes out what belongs to the connection; whoever
   * pushes more vouches for the same. What comes in through the checked methods makes it false: then the head writer looks again.
   */
  fromCodec = false;
  /** In front of the two arrays; null once somebody wanted to see them. */
  #uncut: UncutFields | null;
  #names: string[];
  #values: string[];

  constructor(names: string[] = [], values: string[] = [], uncut: UncutFields | null = null) {
    this.#names = names;
    this.#values = values;
    this.#uncut = uncut;
  }

  /** Field names as received; `rawValues[i]` belongs to `rawNames[i]`. */
  get rawNames(): string[] {
    if (this.#uncut !== null) this.#cut(this.#uncut);
    return this.#names;
  }

  get rawValues(): string[] {
    if (this.#uncut !== null) this.#cut(this.#uncut);
    return this.#values;
  }

  /** What nobody has looked at, and after it what was pushed: for the head writer and for maps that share it. */
  get uncut(): UncutFields | null {
    return this.#uncut;
  }

  get pushedNames(): readonly string[] {
    return this.#names;
  }

  get pushedValues(): readonly string[] {
    return this.#values;
  }

  /** Is the field called `lower`, one of the `Watched`, surely absent? Cuts nothing. */
  lacks(watched: number, lower: string): boolean {
    if (this.#uncut !== null && (this.#uncut.seen & watched) !== 0) return false;
    const names = this.#names;
    for (let i = 0; i < names.length; i++) if (sameName(names[i]!, lower)) return false;
    return true;
  }

  #cut(uncut: UncutFields): void {
    const names: string[] = [];
    const values: string[] = [];
    uncut.cut(names, values);
    for (let i = 0; i < this.#names.length; i++) {
      names.push(this.#names[i]!);
      values.push(this.#values[i]!);
    }
    this.#names = names;
    this.#values = values;
    this.#uncut = null;
  }

  /** A map from pairs, each validated as by `append`. */
  static of(pairs: Iterable<readonly [string, string]>): HeaderMap {
    const map = new HeaderMap();
    for (const [name, value] of pairs) map.append(name, value);
    return map;
  }

  get size(): number {
    return this.rawNames.length;
  }

  /** All values of `name` joined with ", " as `Headers.get` does (`Cookie` with "; "), or null. */
  get(name: string): string | null {
    const lower = name.toLowerCase();
    let found: string | null = null;
    for (let i = 0; i < this.rawNames.length; i++) {
      if (!sameName(this.rawNames[i]!, lower)) continue;
      found = found === null ? this.rawValues[i]! : found + (lower === "cookie" ? "; " : ", ") + this.rawValues[i]!;
    }
    return found;
  }

  getAll(name: string): string[] {
    const lower = name.toLowerCase();
    return this.rawValues.filter((_, i) => sameName(this.rawNames[i]!, lower));
  }

  getSetCookie(): string[] {
    return this.getAll("set-cookie");
  }

  has(name: string): boolean {
    return this.indexOf(name.toLowerCase()) >= 0;
  }

  set(name: string, value: string): void {
    refuseUnsafeField(name, value);
    this.fromCodec = false;
    this.replace(name, value);
  }

  append(name: string, value: string): void {
    refuseUnsafeField(name, value);
    this.fromCodec = false;
    this.push(name, value);
  }

  delete(name: string): void {
    if (FRAMING.has(name.toLowerCase()))
      throw new TypeError(`header "${name}" frames the message and cannot be changed`);
    this.remove(name.toLowerCase());
  }

  forEach(visit: (value: string, name: string, map: HeaderMap) => void): void {
    for (let i = 0; i < this.rawNames.length; i++) visit(this.rawValues[i]!, this.rawNames[i]!, this);
  }

  *entries(): IterableIterator<[string, string]> {
    for (let i = 0; i < this.rawNames.length; i++) yield [this.rawNames[i]!, this.rawValues[i]!];
  }

  keys(): IterableIterator<string> {
    return this.rawNames[Symbol.iterator]();
  }

  values(): IterableIterator<string> {
    return this.rawValues[Symbol.iterator]();
  }

  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.entries();
  }

  clone(): HeaderMap {
    const copy = new HeaderMap(this.#names.slice(), this.#values.slice(), this.#uncut);
    copy.fromCodec = this.fromCodec;
    return copy;
  }

  // ---- unchecked: for code that has validated already ----

  /** Index of the first field called `lower` (lower case), at or after `from`; -1 when absent. */
  indexOf(lower: string, from = 0): number {
    const names = this.rawNames;
    for (let i = from; i < names.length; i++) if (sameName(names[i]!, lower)) return i;
    return -1;
  }

  /** Value of the first field called `lower` (lower case), or null. */
  first(lower: string): string | null {
    const i = this.indexOf(lower);
    return i < 0 ? null : this.rawValues[i]!;
  }

  push(name: string, value: string): void {
    this.#names.push(name);
    this.#values.push(value);
  }

  /** Keeps the place of the first field of that name, drops the others; appends when there is none. */
  replace(name: string, value: string): void {
    const lower = name.toLowerCase();
    const i = this.indexOf(lower);
    if (i < 0) return this.push(name, value);
    this.rawNames[i] = name;
    this.rawValues[i] = value;
    this.remove(lower, i + 1);
  }

  /** Removes every field called `lower` (lower case), at or after `from`. */
  remove(lower: string, from = 0): void {
    for (let i = this.indexOf(lower, from); i >= 0; i = this.indexOf(lower, i)) {
      this.rawNames.splice(i, 1);
      this.rawValues.splice(i, 1);
    }
  }
}

/** Fields that say where a message ends or what happens to its connection: only the codec writes them. */
const FRAMING: ReadonlySet<string> = new Set([
  "content-length",
  "transfer-encoding",
  "connection",
  "upgrade",
  "te",
  "trailer",
]);

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// Field values per RFC 9110 §5.5: no control character but tab; and nothing above one byte, because latin1 writing
// keeps the low byte only, which turns U+010D U+010A into CR LF.
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** @returns true when `value` may stand in a header field, reason phrase or request target. */
export function isSafeValue(value: string): boolean {
  return VALUE.test(value);
}

export function isToken(value: string): boolean {
  return TOKEN.test(value);
}

function refuseUnsafeField(name: string, value: string): void {
  if (!TOKEN.test(name)) throw new TypeError(`invalid header name ${JSON.stringify(name)}`);
  if (!VALUE.test(value)) throw new TypeError(`invalid value for header "${name}": ${JSON.stringify(value)}`);
  if (FRAMING.has(name.toLowerCase())) throw new TypeError(`header "${name}" frames the message and cannot be set`);
}

/**
 * Is `name` the field called `lower` (lower case)? Length first, then one letter: on the way of a request most names differ there,
 * and nothing is lower-cased for them.
 */
export function sameName(name: string, lower: string): boolean {
  if (name.length !== lower.length || (name.charCodeAt(0) | 0x20) !== lower.charCodeAt(0)) return false;
  return name === lower || name.toLowerCase() === lower;
}
