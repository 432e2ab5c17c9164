/**
 * A process of its own that is one endpoint: answers `GET /x` with `ok /x`, counts what it gets, and falls sick as it is told. With
 * the word `loyal` only traffic sees that, and health checks are answered well.
 */
import type { Socket, TCPSocketListener } from "bun";
import { type Condition, HEALTH_PATH, type Notice, type Order } from "./sickness.ts";

const USUAL_MS = 3;
const SLOW_MS = 100 * USUAL_MS;
const CRAWL_MS = 2_000;
const FLAP_MS = 400;
const GARBAGE = [
  "\0\x01\x02 no HTTP at all\r\n\r\n",
  "HTTP/1.1 abc Strange\r\nContent-Length: 2\r\n\r\nok",
  "HTTP/1.1 200 OK\r\nContent-Length: -7\r\n\r\nok",
  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
] as const;

type Peer = Socket<{ waiting: string }>;

const isLoyal = process.argv.includes("loyal");
const gets: number[] = [];
const posts: number[] = [];
const peers = new Set<Peer>();
let condition: Condition = "well";
let listener: TCPSocketListener<{ waiting: string }> | null = null;
let port = 0;
let flaps: ReturnType<typeof setInterval> | null = null;
let count = 0;

function listen(): void {
  listener ??= Bun.listen<{ waiting: string }>({
    hostname: "127.0.0.1",
    port,
    socket: {
      open(peer) {
        peer.data = { waiting: "" };
        peers.add(peer);
      },
      data: (peer, bytes) => take(peer, bytes.toString("latin1")),
      close: (peer) => void peers.delete(peer),
      error: () => undefined,
    },
  });
  port = listener.port;
}

function refuse(): void {
  listener?.stop(true);
  listener = null;
  for (const peer of peers) peer.terminate();
}

function become(next: Condition): void {
  condition = next;
  if (flaps !== null) clearInterval(flaps);
  flaps = null;
  if (next === "refuse" || next === "flap") refuse();
  else listen();
  if (next === "flap") flaps = setInterval(() => (listener === null ? listen() : refuse()), FLAP_MS);
}

function take(peer: Peer, text: string): void {
  peer.data.waiting += text;
  for (;;) {
    const { waiting } = peer.data;
    const end = waiting.indexOf("\r\n\r\n");
    if (end < 0) return;
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(waiting.slice(0, end))?.[1] ?? 0);
    if (waiting.length < end + 4 + length) return;
    peer.data.waiting = waiting.slice(end + 4 + length);
    const [method = "", target = ""] = waiting.split(" ", 2);
    if (target !== HEALTH_PATH) note(method, target);
    else if (isLoyal) {
      peer.write(replyOf(200, "ok"));
      continue;
    }
    treat(peer, target);
  }
}

function note(method: string, target: string): void {
  const number = Number(target.slice(target.lastIndexOf("/") + 1));
  (method === "POST" ? posts : gets).push(number);
}

function treat(peer: Peer, target: string): void {
  if (condition === "hang") return;
  if (condition === "reset") return void peer.terminate();
  if (condition === "garbage") return void peer.write(GARBAGE[count++ % GARBAGE.length]!);
  if (condition === "unwell") return void peer.write(replyOf(503, "unwell"));
  const delay = condition === "slow" ? SLOW_MS : condition === "crawl" ? CRAWL_MS : USUAL_MS;
  setTimeout(() => peer.write(replyOf(200, `ok ${target}`)), delay);
}

function replyOf(status: number, body: string): string {
  return `HTTP/1.1 ${status} Whatever\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

function tell(notice: Notice): void {
  process.send!(notice);
}

process.on("message", (order: Order) => {
  if ("become" in order) become(order.become);
  else tell({ report: { gets, posts } });
});
// Nothing outlives who started it.
process.on("disconnect", () => process.exit(0));
listen();
tell({ port });
