import type { Exchange } from "../../model/exchange.ts";
import type { FieldMatch, MatchSpec } from "../../model/snapshot-spec.ts";
import { queryValues } from "./query-string.ts";

/** Something a route asks of a request besides its host and path. */
export interface Condition {
  holds(exchange: Exchange): boolean;
  /** Why it does not hold, for people. */
  reason(exchange: Exchange): string;
}

/** @throws SyntaxError when a regular expression is not one. */
export function compileConditions(match: MatchSpec): readonly Condition[] {
  const conditions: Condition[] = [];
  if (match.scheme !== null) conditions.push(new SchemeCondition(match.scheme));
  if (match.listeners.length > 0) conditions.push(new ListenerCondition(match.listeners));
  if (match.methods.length > 0) conditions.push(new MethodCondition(match.methods));
  for (const field of match.headers) conditions.push(new FieldCondition("header", field, headerValues));
  for (const field of match.query) conditions.push(new FieldCondition("query", field, queryValuesOf));
  return conditions;
}

export function allHold(conditions: readonly Condition[], exchange: Exchange): boolean {
  for (let i = 0; i < conditions.length; i++) if (!conditions[i]!.holds(exchange)) return false;
  return true;
}

class MethodCondition implements Condition {
  readonly #methods: readonly string[];

  constructor(methods: readonly string[]) {
    this.#methods = methods;
  }

  holds(exchange: Exchange): boolean {
    return this.#methods.includes(exchange.outgoing.method);
  }

  reason(exchange: Exchange): string {
    return `method ${exchange.outgoing.method} is not in ${this.#methods.join(", ")}`;
  }
}

class SchemeCondition implements Condition {
  readonly #scheme: string;

  constructor(scheme: string) {
    this.#scheme = scheme;
  }

  holds(exchange: Exchange): boolean {
    return exchange.scheme === this.#scheme;
  }

  reason(exchange: Exchange): string {
    return `scheme is ${exchange.scheme}, not ${this.#scheme}`;
  }
}

class ListenerCondition implements Condition {
  readonly #names: readonly string[];

  constructor(names: readonly string[]) {
    this.#names = names;
  }

  holds(exchange: Exchange): boolean {
    return this.#names.includes(exchange.listener);
  }

  reason(exchange: Exchange): string {
    return `listener ${exchange.listener} is not in ${this.#names.join(", ")}`;
  }
}

type ValuesOf = (exchange: Exchange, name: string) => readonly string[];

const headerValues: ValuesOf = (exchange, name) => exchange.outgoing.headers.getAll(name);
const queryValuesOf: ValuesOf = (exchange, name) => queryValues(exchange.outgoing.target, name);

/** A header or a query parameter. One that comes several times holds when any of its values does. */
class FieldCondition implements Condition {
  readonly #where: string;
  readonly #field: FieldMatch;
  readonly #valuesOf: ValuesOf;
  readonly #pattern: RegExp | null;

  constructor(where: "header" | "query", field: FieldMatch, valuesOf: ValuesOf) {
    this.#where = where;
    this.#field = field;
    this.#valuesOf = valuesOf;
    this.#pattern = field.kind === "regex" ? new RegExp(field.source) : null;
  }

  holds(exchange: Exchange): boolean {
    const values = this.#valuesOf(exchange, this.#field.name);
    for (let i = 0; i < values.length; i++) if (this.#accepts(values[i]!)) return true;
    return false;
  }

  #accepts(value: string): boolean {
    if (this.#field.kind === "present") return true;
    return this.#field.kind === "equals" ? value === this.#field.value : this.#pattern!.test(value);
  }

  reason(exchange: Exchange): string {
    const values = this.#valuesOf(exchange, this.#field.name);
    const name = `${this.#where} ${this.#field.name}`;
    if (values.length === 0) return `${name} is absent`;
    const is = `${name} is ${values.map((value) => JSON.stringify(value)).join(", ")}`;
    if (this.#field.kind === "regex") return `${is} and does not match /${this.#field.source}/`;
    return this.#field.kind === "equals" ? `${is}, not ${JSON.stringify(this.#field.value)}` : is;
  }
}
