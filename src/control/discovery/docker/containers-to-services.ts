import type { DiscoveredEndpoint, DiscoveredService, PartialConfig, Rejected } from "../provider.ts";
import { overreach } from "./allow.ts";
import { Claims } from "./claims.ts";
import { originOf, type Container } from "./container.ts";
import { labelsOf, type ContainerLabels } from "./labels.ts";
import type { FoundContainer, MappingOptions } from "./mapping-options.ts";
import { addressOf, portOf } from "./reach.ts";
import { membershipOf, type Membership } from "./service-names.ts";
import { routesOf, settingsOf, upstreamOf } from "./service-settings.ts";

/** In the order in which they speak for their service. */
type Standing = "serving" | "stopping" | "waiting" | "gone";
const STANDINGS: readonly Standing[] = ["serving", "stopping", "waiting", "gone"];

interface Member {
  readonly container: Container;
  readonly standing: Standing;
  readonly labels: ContainerLabels;
  readonly membership: Membership;
  readonly port: number;
}

/**
 * What the containers of an engine are to a proxy. A service whose containers are all on their way (starting, paused, being
 * recreated) is there without endpoints, so that its route answers 503 rather than 404.
 */
export function containersToServices(found: readonly FoundContainer[], options: MappingOptions): PartialConfig {
  const rejected: Rejected[] = [];
  const services: DiscoveredService[] = [];
  const claims = new Claims();
  const byId = new Map(found.filter((one) => !one.isGone).map(({ container }) => [container.id, container]));
  for (const group of groupsOf(found, options, rejected)) {
    const service = serviceOf(group, { ...options, byId }, claims, rejected);
    if (service !== null) services.push(service);
  }
  return { services: services.sort((a, b) => (a.name < b.name ? -1 : 1)), rejected };
}

/** Those that are there before those that are gone, then the oldest first: a newcomer takes nothing from anybody. */
function groupsOf(found: readonly FoundContainer[], options: MappingOptions, rejected: Rejected[]): Member[][] {
  const groups = new Map<string, Member[]>();
  for (const one of found.toSorted(byAge)) {
    const member = memberOf(one, options);
    if (member === null) continue;
    if ("problem" in member) {
      if (!one.isGone) rejected.push({ origin: originOf(one.container), reason: member.problem });
      continue;
    }
    const group = groups.get(member.membership.key);
    if (group === undefined) groups.set(member.membership.key, [member]);
    else group.push(member);
  }
  for (const group of groups.values())
    group.sort((a, b) => STANDINGS.indexOf(a.standing) - STANDINGS.indexOf(b.standing) || byAge(a, b));
  const isGone = (group: Member[]) => Number(group[0]!.standing === "gone");
  const oldest = (group: Member[]) => group.toSorted(byAge)[0]!;
  return [...groups.values()].sort((a, b) => isGone(a) - isGone(b) || byAge(oldest(a), oldest(b)));
}

function byAge(a: Pick<Member, "container">, b: Pick<Member, "container">): number {
  return a.container.createdAt - b.container.createdAt || (a.container.id < b.container.id ? -1 : 1);
}

/** null: it is not meant to be routed. */
function memberOf(found: FoundContainer, options: MappingOptions): Member | { problem: string } | null {
  const { container } = found;
  const isWanted = (container.labels["sluice.enable"] ?? `${options.exposedByDefault}`).trim() !== "false";
  if (!isWanted || container.id === options.ownId) return null;
  const labels = labelsOf(container.labels);
  if ("problem" in labels) return labels;
  const problem = overreach(labels.service, options.allow);
  if (problem !== null) return { problem };
  const port = portOf(container, labels.endpoint);
  if (port === null) return { problem: "it exposes no TCP port: say which one with sluice.port" };
  return { container, standing: standingOf(found), labels, membership: membershipOf(container, labels.upstream), port };
}

function standingOf({ container, isStopping, isGone }: FoundContainer): Standing {
  if (isGone) return "gone";
  if (container.state !== "running") return "waiting";
  if (container.health === "unhealthy" || container.health === "starting") return "waiting";
  return isStopping ? "stopping" : "serving";
}

type EndpointRules = MappingOptions & { readonly byId: ReadonlyMap<string, Container> };

function serviceOf(
  group: readonly Member[],
  rules: EndpointRules,
  claims: Claims,
  rejected: Rejected[],
): DiscoveredService | null {
  const endpoints: DiscoveredEndpoint[] = [];
  const speaker = group[0]!;
  const settings = settingsOf(speaker.labels.service);
  let hasHope = false;
  // The oldest first: `balance: failover` takes them in order.
  for (const member of group.toSorted(byAge)) {
    const origin = originOf(member.container);
    const isActive = member.standing === "serving" || member.standing === "stopping";
    if (member.standing !== "stopping" && settingsOf(member.labels.service) !== settings) {
      const reason = `its labels say something else than those of ${originOf(speaker.container)}, with which it shares a service`;
      if (isActive) rejected.push({ origin, reason });
      continue;
    }
    const endpoint = isActive ? endpointOf(member, rules) : null;
    if (endpoint !== null && "problem" in endpoint) rejected.push({ origin, reason: endpoint.problem });
    else hasHope = true;
    if (endpoint !== null && "id" in endpoint) endpoints.push(endpoint);
  }
  if (!hasHope) return null;
  const origin = originOf(speaker.container) + (group.length > 1 ? ` and ${group.length - 1} more` : "");
  const { routes, refused } = claims.settle(routesOf(speaker.labels.service, speaker.membership, rules));
  for (const reason of refused) rejected.push({ origin: originOf(speaker.container), reason });
  const name = claims.name(speaker.membership.name, speaker.container.id);
  return { name, endpoints, upstream: upstreamOf(speaker.labels.service), routes, origin };
}

function endpointOf(member: Member, rules: EndpointRules): DiscoveredEndpoint | { problem: string } {
  const { container, labels } = member;
  const address = addressOf(container, member.port, labels.endpoint, rules);
  if ("problem" in address) return address;
  return {
    id: container.id.slice(0, 12),
    scheme: labels.endpoint.scheme,
    ...address,
    weight: labels.endpoint.weight,
    labels: labels.endpoint.words,
    origin: originOf(container),
    ...(member.standing === "stopping" ? { draining: true as const } : {}),
  };
}
