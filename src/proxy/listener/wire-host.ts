import type { ListenerSpec } from "../../model/snapshot-spec.ts";
import type { ListenerContext } from "./listener.ts";
import type { WireConnection } from "./wire-connection.ts";

/** What a listener is to its connections. */
export interface WireHost {
  readonly spec: ListenerSpec;
  readonly context: ListenerContext;
  readonly draining: boolean;
  /** On the coarse clock: when idle connections close while draining; infinite before. */
  readonly leaveAt: number;
  closed(connection: WireConnection): void;
}
