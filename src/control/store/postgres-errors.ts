import { type StoreErrorCode, StoreError } from "./store-error.ts";

/** By the SQLSTATE's class, or the SQLSTATE where the class says too little. https://www.postgresql.org/docs/current/errcodes-appendix.html */
const BY_STATE: Readonly<Record<string, readonly [code: StoreErrorCode, todo: string]>> = {
  "08": ["unavailable", "look at the server and the network to it"],
  "25006": ["unwritable", "it is read-only: is it a standby? Name the primary in store.url"],
  "28": ["unwritable", "look at the user and the password in store.url"],
  "3D": ["unwritable", "make the database, or name another one in store.url"],
  "3F": ["unwritable", "make the schema, or name another one in search_path"],
  "40": ["unavailable", "try again"],
  "42501": ["unwritable", "the user in store.url must own Sluice's tables, or may make them in its schema"],
  "53100": ["unwritable", "its disk is full"],
  "53": ["unavailable", "it has too much to do"],
  "55P03": ["unavailable", "somebody else is in the middle of a change"],
  "57014": ["unavailable", "it took too long: does somebody hold a lock on Sluice's tables?"],
  "57": ["unavailable", "it is starting or stopping"],
  "58": ["unwritable", "look at its disk"],
  XX: ["damaged", "restore a backup: https://www.postgresql.org/docs/current/backup.html"],
};

/** What PostgreSQL or the way to it says, and what to do about it. `isCommitting`: nobody knows what became of the change. */
export function explainPostgres(
  error: unknown,
  { shown, isCommitting }: { shown: string; isCommitting: boolean },
): unknown {
  if (!(error instanceof Bun.SQL.PostgresError))
    return isOfConnection(error) ? unreachable(shown, error, isCommitting) : error;
  const state = error.errno;
  if (state === undefined) return unreachable(shown, error, isCommitting);
  const known = BY_STATE[state] ?? BY_STATE[state.slice(0, 2)];
  const [code, todo] = known ?? ["damaged", "are Sluice's tables as it has made them?"];
  // It ended what it was doing without a word on how.
  const inDoubt = isCommitting && (state.startsWith("08") || state.startsWith("57P"));
  return new StoreError(code, `the store ${shown} refuses: ${error.message} (${state}); ${todo}`, {
    cause: error,
    inDoubt,
  });
}

function unreachable(shown: string, error: Error, inDoubt: boolean): StoreError {
  const because = `${error.message}${"code" in error ? `, ${error.code}` : ""}`;
  return new StoreError("unavailable", `the store ${shown} cannot be reached (${because})`, { cause: error, inDoubt });
}

/** TLS and name errors come as they are. */
function isOfConnection(error: unknown): error is Error {
  return error instanceof Error && "code" in error && !(error instanceof StoreError);
}
