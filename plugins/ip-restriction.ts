import { BlockList, isIP } from "node:net";
import { definePlugin, t } from "sluice";

const Addresses = (description: string) => t.Array(t.String(), { default: [], description });

const Config = t.Object({
  allow: Addresses("Addresses and CIDR blocks that may come in. Empty: everybody whom `deny` does not name."),
  deny: Addresses("Addresses and CIDR blocks that may not; wins over `allow`."),
  message: t.String({ default: "this address is not allowed", description: "`detail` of the 403." }),
});

type Family = "ipv4" | "ipv6";

interface Address {
  readonly address: string;
  readonly family: Family;
}

/** An IPv4 address that came through an IPv6 socket is the IPv4 address; a zone says nothing of who it is. */
function readAddress(text: string): Address | null {
  const address = text.replace(/%.*$/, "");
  const version = isIP(address);
  if (version === 0) return null;
  if (version === 4) return { address, family: "ipv4" };
  const groups = expand(address);
  if (groups.slice(0, 5).some((group) => group !== 0) || groups[5] !== 0xff_ff) return { address, family: "ipv6" };
  return { address: dotted(groups[6]!, groups[7]!), family: "ipv4" };
}

function dotted(high: number, low: number): string {
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}

/** The eight groups of a valid IPv6 address. */
function expand(address: string): number[] {
  const plain = address.replace(/[\d.]+\.[\d.]+$/, (ipv4) => {
    const [a, b, c, d] = ipv4.split(".").map(Number);
    return `${((a! << 8) | b!).toString(16)}:${((c! << 8) | d!).toString(16)}`;
  });
  const [head, tail] = plain.split("::").map((part) => part.split(":").filter((group) => group !== ""));
  const gap = Array.from({ length: 8 - head!.length - (tail?.length ?? 0) }, () => "0");
  return [...head!, ...gap, ...(tail ?? [])].map((group) => Number.parseInt(group, 16));
}

function add(list: BlockList, entry: string, field: string): void {
  const [text, length, ...rest] = entry.trim().split("/");
  const read = readAddress(text!);
  const wrong = () =>
    new Error(`${field}: ${JSON.stringify(entry)} is no address or block such as 10.0.0.0/8 or 2001:db8::/32`);
  if (read === null || rest.length > 0 || text!.includes("%")) throw wrong();
  if (length === undefined) return list.addAddress(read.address, read.family);
  const mapped = read.family === "ipv4" && text!.includes(":");
  const bits = /^\d{1,3}$/.test(length) ? Number(length) - (mapped ? 96 : 0) : -1;
  if (bits < 0 || bits > (read.family === "ipv4" ? 32 : 128)) throw wrong();
  list.addSubnet(read.address, bits, read.family);
}

function listOf(entries: readonly string[], field: string): BlockList | null {
  if (entries.length === 0) return null;
  const list = new BlockList();
  for (const entry of entries) add(list, entry, field);
  return list;
}

export default definePlugin({
  name: "ip-restriction",
  config: Config,
  setup({ config, metrics }) {
    const allow = listOf(config.allow, "allow");
    const deny = listOf(config.deny, "deny");
    if (allow === null && deny === null)
      throw new Error("allow and deny are both empty; name at least one address or block");
    const refused = metrics.counter("refused_total", "Requests that were not let in.");

    const mayCome = (clientIp: string): boolean => {
      const client = readAddress(clientIp);
      // Whoever has no address (a unix socket) is on no list, so cannot be let in by one and might be on the other.
      if (client === null || deny?.check(client.address, client.family)) return false;
      return allow === null || allow.check(client.address, client.family);
    };

    return {
      request(ctx) {
        if (mayCome(ctx.clientIp)) return;
        refused.inc();
        return ctx.problem("forbidden", { detail: config.message });
      },
    };
  },
});
