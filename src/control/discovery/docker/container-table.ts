import type { Container } from "./container.ts";
import { isUnchanged, type ContainerSummary } from "./container-summary.ts";
import type { EngineEvent } from "./engine-event.ts";
import type { FoundContainer } from "./mapping-options.ts";

interface Row {
  container: Container;
  /** By the engine's clock; it stops when that is after its start. */
  stopSignalAt: number;
  isGone: boolean;
}

/**
 * What an event means for who reads the table: nothing; look at the container again; or it was shown what it is to show already,
 * `less` when something takes no more traffic.
 */
export type Effect = "none" | "inspect" | "less";

/** What is known of an engine's containers. Events may come late, twice or be older than an inspection: the times in them decide. */
export class ContainerTable {
  readonly #rows = new Map<string, Row>();
  /** Stop signals of containers that were not inspected yet. */
  readonly #earlySignals = new Map<string, { at: number; signal: string }>();

  get(id: string): Container | null {
    return this.#rows.get(id)?.container ?? null;
  }

  /** Whether it runs, as far as is known. */
  isThere(id: string): boolean {
    return this.#rows.get(id)?.isGone === false;
  }

  get running(): number {
    return [...this.#rows.values()].filter(({ isGone }) => !isGone).length;
  }

  list(): FoundContainer[] {
    return [...this.#rows.values()].map(({ container, stopSignalAt, isGone }) => {
      return { container, isGone, isStopping: stopSignalAt > 0 && stopSignalAt >= container.startedAt };
    });
  }

  /** What an inspection has found. @returns whether it went away by that */
  put(container: Container): boolean {
    const { id } = container;
    const before = this.#rows.get(id);
    const early = this.#earlySignals.get(id);
    this.#earlySignals.delete(id);
    // What never ran, as far as anybody has seen, is not on its way back either.
    if (!isUp(container)) return before !== undefined && this.leave(id);
    const stopSignalAt = early !== undefined && stops(early.signal, container) ? early.at : (before?.stopSignalAt ?? 0);
    this.#rows.set(id, { container, stopSignalAt, isGone: false });
    return false;
  }

  /** @returns whether it was there until now */
  leave(id: string): boolean {
    this.#earlySignals.delete(id);
    const row = this.#rows.get(id);
    if (row === undefined || row.isGone) return false;
    row.isGone = true;
    return true;
  }

  /** It did not come back. @returns whether there was something to forget */
  forget(id: string): boolean {
    return this.#rows.get(id)?.isGone === true && this.#rows.delete(id);
  }

  apply(event: EngineEvent): Effect {
    const row = this.#rows.get(event.id);
    const word = event.action.split(":", 1)[0]!.trim();
    if (word === "destroy") return this.leave(event.id) ? "less" : "none";
    if (word === "kill") return this.#signal(row, event);
    if (row === undefined || row.isGone) return NO_START.has(word) ? "none" : "inspect";
    if (word === "die") return this.#died(row, event);
    if (word === "pause") return this.#change(row, { state: "paused" });
    if (event.action.endsWith(": unhealthy")) return this.#change(row, { health: "unhealthy" });
    return "inspect";
  }

  /** @returns those that must be looked at, and those that have left */
  compare(listed: readonly ContainerSummary[]): { changed: string[]; left: string[] } {
    const ids = new Set(listed.map(({ id }) => id));
    const changed = listed.filter((summary) => {
      const row = this.#rows.get(summary.id);
      return row === undefined || row.isGone || !isUnchanged(row.container, summary);
    });
    const left = [...this.#rows].filter(([id, row]) => !row.isGone && !ids.has(id));
    return { changed: changed.map(({ id }) => id), left: left.map(([id]) => id) };
  }

  #signal(row: Row | undefined, event: EngineEvent): Effect {
    if (row === undefined) {
      this.#earlySignals.set(event.id, { at: event.at, signal: event.signal });
      // An inspection is under way, or the container is none that was listed.
      return "none";
    }
    if (row.isGone || event.at < row.container.startedAt || !stops(event.signal, row.container)) return "none";
    const isNews = row.stopSignalAt < row.container.startedAt;
    row.stopSignalAt = event.at;
    return isNews ? "less" : "none";
  }

  /** An event that is older than the start belongs to the run before. */
  #died(row: Row, event: EngineEvent): Effect {
    if (event.at < row.container.startedAt) return "none";
    row.isGone = true;
    return "less";
  }

  #change(row: Row, change: Partial<Container>): Effect {
    row.container = { ...row.container, ...change };
    return "less";
  }
}

/**
 * Of what does not run: it may be about to, and its `start` comes next. To look at it until then is to wait for that, and to keep
 * those waiting that run already.
 */
const NO_START = new Set(["die", "connect", "disconnect"]);

function isUp({ state }: Container): boolean {
  return state === "running" || state === "paused" || state === "restarting";
}

/** Signals that end a process which does not catch them, and which `docker stop` and people send for that. */
const ENDING = new Set(["2", "3", "6", "9", "15", "INT", "QUIT", "ABRT", "KILL", "TERM"]);

/** `docker kill -s HUP` asks to read configuration again: nobody leaves for that. */
function stops(signal: string, { stopSignal }: Container): boolean {
  const plain = (name: string) => name.toUpperCase().replace(/^SIG/, "");
  return (
    ENDING.has(plain(signal)) || plain(signal) === plain(stopSignal) || SIGNAL_NUMBERS[plain(stopSignal)] === signal
  );
}

/** Of those that images ask for: nginx QUIT, Apache WINCH, systemd RTMIN+3. */
const SIGNAL_NUMBERS: Readonly<Record<string, string>> = {
  WINCH: "28",
  USR1: "10",
  USR2: "12",
  HUP: "1",
  "RTMIN+3": "37",
};
