import type { ListenerSpec } from "../../model/snapshot-spec.ts";
import type { Listener, ListenerContext } from "./listener.ts";
import { openServeListener } from "./serve-listener.ts";
import { openWireListener } from "./wire-listener.ts";

/** Binds the address with the edge its specification asks for. @throws what the runtime says of the bind. */
export function openListener(spec: ListenerSpec, context: ListenerContext): Listener {
  return spec.edge === "wire" ? openWireListener(spec, context) : openServeListener(spec, context);
}
