/**
 * Byte mutator over heads and chunked bodies: `bun test/fuzz/http1-fuzz.ts [seconds] [seed]`. First every kept failure of the past is
 * tried again; a new one is written to the corpus and ends the run with status 1.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AMBIGUOUS_HEADS } from "../http1/ambiguous-heads.ts";
import { checkChunked, checkRequest, checkResponse, type Outcome } from "./http1-invariants.ts";

const CORPUS = join(import.meta.dir, "corpus", "http1");
const CHECKS: Record<string, (bytes: Buffer) => Outcome> = {
  request: checkRequest,
  response: checkResponse,
  chunked: checkChunked,
};

const SEEDS: Record<string, string[]> = {
  request: [
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /x?y=z HTTP/1.1\r\nHost: example.com:8080\r\nContent-Length: 5\r\nConnection: close, X-A\r\nX-A: 1\r\n\r\nhello",
    "POST http://b/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\nTrailer: X\r\n\r\n0\r\n\r\n",
    "GET /ws HTTP/1.1\r\nHost: [::1]:80\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nExpect: 100-continue\r\n\r\n",
    "OPTIONS * HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    ...AMBIGUOUS_HEADS.map((head) => head.text).filter((text) => text.length < 500),
  ],
  response: [
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: X-A, close\r\nX-A: 1\r\nTrailer: X\r\n\r\n",
    "HTTP/1.0 404 Not Found\r\nServer: x\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
  ],
  chunked: [
    "5\r\nhello\r\n0\r\n\r\nGET / HTTP/1.1\r\n",
    "A;a=b\r\n0123456789\r\n1\r\nx\r\n0\r\nX-Sum: 1\r\nHost: b\r\n\r\n",
    '00f ;q="\\""\r\n0123456789abcde\r\n000;x\r\n\r\n',
  ],
};

const TOKENS = [
  ..."\r\n|\n|\r|\r\n\r\n|\n\n|\r\n |\r\n\t| |\t|\0|\x0b|\x7f|\x80|\xa0|\xff|:|: |,|;|=|0|1|5|a|F|+|-|0x|/|*|#|%0d%0a|@|[|]".split(
    "|",
  ),
  ..."Content-Length: 5\r\n|Content-Length: 6\r\n|Transfer-Encoding: chunked\r\n|Host: b\r\n|Connection: |chunked|close|upgrade|identity| HTTP/1.1|HTTP/1.0|http://b".split(
    "|",
  ),
];

/** mulberry32: small, seeded, good enough to pick bytes. */
function generator(seed: number): (below: number) => number {
  let state = seed | 0;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

function mutate(text: string, pick: (below: number) => number, seeds: readonly string[]): string {
  let made = text;
  for (let left = 1 + pick(4); left > 0; left--) {
    const at = pick(made.length + 1);
    const to = at + 1 + pick(6);
    switch (pick(6)) {
      case 0:
        made = made.slice(0, at) + String.fromCharCode(pick(256)) + made.slice(at + 1);
        break;
      case 1:
        made = made.slice(0, at) + TOKENS[pick(TOKENS.length)]! + made.slice(at);
        break;
      case 2:
        made = made.slice(0, at) + made.slice(to);
        break;
      case 3:
        made = made.slice(0, to) + made.slice(at);
        break;
      case 4: {
        const lines = made.split("\r\n");
        lines.splice(pick(lines.length), 0, lines[pick(lines.length)]!);
        made = lines.join("\r\n");
        break;
      }
      default: {
        const other = seeds[pick(seeds.length)]!;
        made = made.slice(0, at) + other.slice(pick(other.length));
      }
    }
  }
  return made.slice(0, 4000);
}

function replayCorpus(): number {
  mkdirSync(CORPUS, { recursive: true });
  const files = readdirSync(CORPUS).filter((file) => !file.startsWith("."));
  for (const file of files) CHECKS[file.split("-")[0]!]?.(readFileSync(join(CORPUS, file)));
  return files.length;
}

const seconds = Number(process.argv[2] ?? 10);
const seed = Number(process.argv[3] ?? Date.now() % 1e9);
const pick = generator(seed);
const counts: Record<Outcome, number> = { accepted: 0, refused: 0, incomplete: 0 };
const kinds = Object.keys(CHECKS);
const deadline = Date.now() + seconds * 1000;

console.log(`seed ${seed}, ${replayCorpus()} kept failures tried`);
for (let run = 0; run % 256 !== 0 || Date.now() < deadline; run++) {
  const kind = kinds[run % kinds.length]!;
  const seeds = SEEDS[kind]!;
  const bytes = Buffer.from(mutate(seeds[pick(seeds.length)]!, pick, seeds), "latin1");
  try {
    counts[CHECKS[kind]!(bytes)]++;
  } catch (error) {
    const file = join(CORPUS, `${kind}-${Bun.hash(bytes).toString(16)}`);
    writeFileSync(file, bytes);
    console.error(`${file}: ${error}\n${JSON.stringify(bytes.toString("latin1"))}`);
    process.exit(1);
  }
}
console.log(JSON.stringify(counts));
