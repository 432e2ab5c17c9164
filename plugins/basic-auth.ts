import { randomBytes, timingSafeEqual } from "node:crypto";
import { definePlugin, type RequestContext, type Static, t } from "sluice";

const Config = t.Object({
  users: t.Record(t.String(), t.Secret(), {
    description: "Passwords by user name: a bcrypt (`$2b$…`) or argon2 (`$argon2id$…`) hash, or plain text.",
  }),
  realm: t.String({
    default: "sluice",
    pattern: '^[^"\\\\\\x00-\\x1f\\x7f-\\uffff]*$',
    description: "What browsers show when they ask.",
  }),
  hideCredentials: t.Boolean({ default: true, description: "The upstream does not see the password." }),
  rememberFor: t.Duration({
    default: 300_000,
    description: "How long a password that fits its hash is not hashed again.",
  }),
  maxVerifications: t.Integer({
    default: 2,
    minimum: 1,
    maximum: 64,
    description: "Hashes worked on at once, per worker.",
  }),
  maxWaiting: t.Integer({
    default: 32,
    minimum: 0,
    description: "Requests that wait for that; more are answered 503.",
  }),
});

type Settings = Static<typeof Config>;

interface Credentials {
  readonly user: string;
  readonly password: string;
}

const HASH =
  /^(?:\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}|\$argon2(?:id|i|d)\$v=\d+\$m=\d+,t=\d+,p=\d+\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+)$/;
const MAX_PASSWORD_LENGTH = 1024;
const MAX_REMEMBERED = 10_000;

class Busy extends Error {}

/** Lets `limit` jobs run and `waiting` more queue, so that guessing passwords costs others a 503 and not the machine. */
class Gate {
  #running = 0;
  readonly #queue: Array<() => void> = [];

  constructor(
    readonly limit: number,
    readonly waiting: number,
  ) {}

  async run<T>(job: () => Promise<T>): Promise<T> {
    if (this.#running >= this.limit) {
      if (this.#queue.length >= this.waiting) throw new Busy();
      // Whoever ends hands over its own place, so nobody can slip in between.
      await new Promise<void>((resolve) => this.#queue.push(resolve));
    } else this.#running++;
    try {
      return await job();
    } finally {
      const next = this.#queue.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}

/** Says whether a password is a user's; every wrong answer costs the same, whether the user exists or not. */
class Passwords {
  readonly #secret = randomBytes(32);
  readonly #plain = new Map<string, Buffer>();
  readonly #hashes = new Map<string, string>();
  readonly #hashList: readonly string[];
  readonly #gate: Gate;
  readonly #rememberMs: number;
  /** Until when, by digest of user and password. */
  readonly #known = new Map<string, number>();
  readonly #checking = new Map<string, Promise<boolean>>();

  constructor(config: Settings) {
    for (const [name, value] of Object.entries(config.users)) {
      const user = checkedName(name);
      if (isHash(value, user)) this.#hashes.set(user, value);
      else this.#plain.set(user, this.#digest(user, value.normalize("NFC")));
    }
    this.#hashList = [...this.#hashes.values()];
    this.#gate = new Gate(config.maxVerifications, config.maxWaiting);
    this.#rememberMs = config.rememberFor;
  }

  /** A promise only where a hash has to be worked out. @throws Busy (rejects) when too many wait for that */
  fits({ user, password }: Credentials): boolean | Promise<boolean> {
    const digest = this.#digest(user, password);
    // Compared also for users who are not there.
    const expected = this.#plain.get(user) ?? this.#secret;
    if (timingSafeEqual(digest, expected) && this.#plain.has(user)) return true;
    if (this.#hashList.length === 0) return false;
    const key = digest.toString("base64");
    if ((this.#known.get(key) ?? 0) > Date.now()) return true;
    const checking =
      this.#checking.get(key) ?? this.#check(key, { user, password }).finally(() => this.#checking.delete(key));
    this.#checking.set(key, checking);
    return checking;
  }

  async #check(key: string, { user, password }: Credentials): Promise<boolean> {
    const hash = this.#hashes.get(user) ?? this.#decoyFor(user);
    const fits = await this.#gate.run(() => Bun.password.verify(password, hash));
    if (!fits || !this.#hashes.has(user)) return false;
    this.#known.delete(key);
    if (this.#known.size >= MAX_REMEMBERED) this.#known.delete(this.#known.keys().next().value!);
    this.#known.set(key, Date.now() + this.#rememberMs);
    return true;
  }

  /** Somebody's hash, always the same for one name, so that an unknown user is as slow as a known one. */
  #decoyFor(user: string): string {
    return this.#hashList[this.#digest(user, "").readUInt32BE(0) % this.#hashList.length]!;
  }

  #digest(user: string, password: string): Buffer {
    return new Bun.CryptoHasher("sha256", this.#secret).update(`${user}:${password}`).digest();
  }
}

function checkedName(name: string): string {
  if (!/^[^:\p{Cc}]+$/u.test(name))
    throw new Error(
      `user ${JSON.stringify(name)}: a name must not be empty and cannot have ":" or control characters (RFC 7617)`,
    );
  return name.normalize("NFC");
}

function isHash(value: string, user: string): boolean {
  if (value === "") throw new Error(`user ${JSON.stringify(user)} has an empty password`);
  if (HASH.test(value)) return true;
  if (/^(?:\$\w+\$|\{\w+\})/.test(value))
    throw new Error(
      `user ${JSON.stringify(user)}: this kind of hash is not known, or it is cut off; make one with \`bun -e 'console.log(await Bun.password.hash("…"))'\` or \`htpasswd -B\``,
    );
  return false;
}

/** null: none were sent; "malformed": what was sent cannot be read. */
function credentialsOf(ctx: RequestContext): Credentials | null | "malformed" {
  const fields = ctx.headers.getAll("authorization");
  if (fields.length === 0) return null;
  const token = fields.length === 1 ? /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(fields[0]!.trim())?.[1] : undefined;
  if (token === undefined) return "malformed";
  const text = decodeUtf8(Buffer.from(token, "base64"));
  const colon = text?.indexOf(":") ?? -1;
  if (text === null || colon < 0 || text.length > MAX_PASSWORD_LENGTH || /\p{Cc}/u.test(text)) return "malformed";
  return { user: text.slice(0, colon).normalize("NFC"), password: text.slice(colon + 1).normalize("NFC") };
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return UTF8.decode(bytes);
  } catch {
    return null;
  }
}

export default definePlugin({
  name: "basic-auth",
  config: Config,
  limits: { timeoutMs: 10_000 },
  setup({ config, log, metrics }) {
    const passwords = new Passwords(config);
    if (Object.keys(config.users).length === 0) log.warn("no users are configured: every request is answered 401");
    const refused = metrics.counter("refused_total", "Requests that were not let in.");
    const challenge = `Basic realm="${config.realm}", charset="UTF-8"`;

    const refuse = (ctx: RequestContext, reason: string, detail: string): Response => {
      refused.inc(1, { reason });
      return ctx.problem("unauthorized", { detail, headers: { "WWW-Authenticate": challenge } });
    };

    const conclude = (ctx: RequestContext, user: string, fits: boolean): Response | undefined => {
      if (!fits) return refuse(ctx, "wrong", "the user name or the password is wrong");
      ctx.identity = { id: user, by: "basic-auth" };
      if (config.hideCredentials) ctx.headers.delete("authorization");
      return undefined;
    };

    const concludeLater = async (
      ctx: RequestContext,
      user: string,
      fits: Promise<boolean>,
    ): Promise<Response | undefined> => {
      try {
        return conclude(ctx, user, await fits);
      } catch (error) {
        if (!(error instanceof Busy)) throw error;
        refused.inc(1, { reason: "busy" });
        return ctx.problem("overloaded", {
          detail: "too many passwords are being checked",
          headers: { "Retry-After": "1" },
        });
      }
    };

    return {
      request(ctx) {
        const credentials = credentialsOf(ctx);
        if (credentials === null) return refuse(ctx, "missing", "a user name and a password are needed");
        if (credentials === "malformed")
          return refuse(ctx, "malformed", "the Authorization header has no Basic credentials");
        if (credentials.password === "") return refuse(ctx, "wrong", "the user name or the password is wrong");
        const fits = passwords.fits(credentials);
        if (typeof fits === "boolean") return conclude(ctx, credentials.user, fits);
        return concludeLater(ctx, credentials.user, fits);
      },
    };
  },
});
