import type { Later } from "../later.ts";
import type { ContainerTable } from "./container-table.ts";
import type { DockerClient, EngineFacts } from "./docker-client.ts";
import { DockerError } from "./docker-error.ts";
import type { EngineEvent } from "./engine-event.ts";
import { Inspections } from "./inspections.ts";
import { waited } from "./waited.ts";

export interface SessionParts {
  readonly client: DockerClient;
  readonly table: ContainerTable;
  readonly later: Later;
  /** What our own container may be called; null: we are in none. */
  readonly ownName: string | null;
  /** The table is as the engine is. Until then it is as it was before. */
  readonly onSynced: (engine: EngineFacts & { readonly ownId: string | null }) => void;
  readonly onChange: (kind: "more" | "less") => void;
  /** It runs no more; the table keeps it until it is told to forget. */
  readonly onGone: (id: string) => void;
  /** Of one container; the others are well. */
  readonly onTrouble: (message: string) => void;
}

const INSPECTIONS_AT_ONCE = 8;
/** Another machine may be gone without a word; no other question is asked when nothing happens. */
const BEAT_MS = 15_000;
/** One container that the engine cannot tell about (it may be stuck itself) keeps nobody from the others. */
const AGAIN_MS = 5_000;

/**
 * From one connection to an engine until it ends: listens first, then looks at what is there, so that nothing falls between.
 * @throws DockerError always: it ends when the engine, or `outer`, does
 */
export async function runSession(parts: SessionParts, outer: AbortSignal): Promise<never> {
  const { client, table } = parts;
  const ending = new AbortController();
  const signal = AbortSignal.any([outer, ending.signal]);
  let failure: unknown = null;
  const fail = (error: unknown) => {
    failure ??= error;
    ending.abort();
  };
  const inspections = inspectionsOf(parts, signal, fail);
  try {
    const since = await client.ping(signal);
    const facts = await client.facts(signal);
    const events = await client.events(since, signal);
    if (client.http.isRemote) beat(parts, signal).catch(fail);
    const own = parts.ownName === null ? null : await client.inspect(parts.ownName, signal);
    const { changed, left } = table.compare(await client.list({ signal }));
    for (const id of left) if (table.leave(id)) parts.onGone(id);
    for (const id of changed) inspections.ask(id);
    void inspections.idle().then(() => {
      if (!signal.aborted) parts.onSynced({ ...facts, ownId: own?.id ?? null });
    });
    for await (const event of events) follow(event, parts, inspections);
    throw new DockerError("unreachable", "the engine has ended its stream of events");
  } catch (error) {
    throw failure ?? error;
  } finally {
    ending.abort();
  }
}

function follow(event: EngineEvent, { table, onGone, onChange }: SessionParts, inspections: Inspections): void {
  const wasThere = table.isThere(event.id);
  inspections.touch(event.id);
  const effect = table.apply(event);
  if (effect === "inspect") inspections.ask(event.id);
  if (effect === "less") onChange("less");
  if (wasThere && !table.isThere(event.id)) onGone(event.id);
}

function inspectionsOf(parts: SessionParts, signal: AbortSignal, fail: (error: unknown) => void): Inspections {
  const { client, table, later, onChange, onGone, onTrouble } = parts;
  const told = new Set<string>();
  const inspections = new Inspections({
    width: INSPECTIONS_AT_ONCE,
    inspect: (id) => client.inspect(id, signal),
    onFound: (id, container) => {
      const hasLeft = container === null ? table.leave(id) : table.put(container);
      if (hasLeft) onGone(id);
      onChange(hasLeft ? "less" : "more");
    },
    onFailed: (id, error) => {
      if (!(error instanceof DockerError) || !["failed", "timeout"].includes(error.kind)) return fail(error);
      if (!told.has(id)) onTrouble(`container ${id.slice(0, 12)} is not known: ${error.message}`);
      told.add(id);
      void waited(AGAIN_MS, later, signal).then(() => {
        if (!signal.aborted) inspections.ask(id);
      });
    },
  });
  return inspections;
}

/** Until the other side does not answer any more. */
async function beat({ client, later }: SessionParts, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await waited(BEAT_MS, later, signal);
    if (!signal.aborted) await client.ping(signal);
  }
}
