import { fieldsOf, textOf } from "./engine-json.ts";

/** What happened to a container; what happens to a network is told of the container it concerns. */
export interface EngineEvent {
  /** `start`, `die`, `health_status: healthy`, `connect` … */
  readonly action: string;
  /** The container's id. */
  readonly id: string;
  /** Ms since the epoch, by the engine's clock. */
  readonly at: number;
  /** Of a `kill`: `15`, `SIGTERM`; else empty. */
  readonly signal: string;
}

/** The words of `GET /events`: what says nothing about where a container can be reached stays away, exec by health checks above all. */
export const EVENT_FILTERS = {
  type: ["container", "network"],
  event: [
    ...["start", "die", "destroy", "kill", "pause", "unpause", "rename", "health_status"],
    ...["connect", "disconnect"],
  ],
};

/** @returns null for what concerns no container */
export function readEvent(raw: unknown): EngineEvent | null {
  const event = fieldsOf(raw);
  const actor = fieldsOf(event.Actor);
  const attributes = fieldsOf(actor.Attributes);
  const type = textOf(event.Type);
  if (type !== "container" && type !== "network") return null;
  const id = textOf(type === "network" ? attributes.container : actor.ID);
  const action = textOf(event.Action);
  if (id === "" || action === "") return null;
  const nanos = typeof event.timeNano === "number" ? event.timeNano : 0;
  return { action, id, at: Math.floor(nanos / 1e6), signal: textOf(attributes.signal) };
}
