import { bodies } from "./cases/bodies.ts";
import { connections } from "./cases/connections.ts";
import { endings } from "./cases/endings.ts";
import { failures } from "./cases/failures.ts";
import { forwardingHeaders } from "./cases/forwarding-headers.ts";
import { headers } from "./cases/headers.ts";
import { messages } from "./cases/messages.ts";
import { paths } from "./cases/paths.ts";
import { routes } from "./cases/routes.ts";
import { streaming } from "./cases/streaming.ts";
import { websockets } from "./cases/websockets.ts";
import type { ContractCase } from "./stage.ts";

/** What every edge and transport promises, in the order of a request's life. */
export const CONTRACT: readonly ContractCase[] = [
  ...messages,
  ...headers,
  ...forwardingHeaders,
  ...paths,
  ...bodies,
  ...streaming,
  ...endings,
  ...connections,
  ...websockets,
  ...routes,
  ...failures,
];
