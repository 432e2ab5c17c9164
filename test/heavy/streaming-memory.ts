/**
 * `bun test/heavy/streaming-memory.ts [MEGABYTES] [serve|wire]`: 2 GB down to a slow client and up to a slow origin; fails when
 * the proxy ever held more than 100 MB. A smaller transfer is part of `bun run test`.
 */
import { transfer } from "./slow-transfer.ts";

const LIMIT_MB = 100;
const megabytes = Number(process.argv[2] ?? 2048);
const edge = process.argv[3] === "wire" ? "wire" : "serve";
let worst = 0;
for (const direction of ["down", "up"] as const) {
  const { receivedBytes, peakRssMb } = await transfer(direction, megabytes, edge);
  const complete = receivedBytes >= megabytes * 1024 * 1024;
  console.log(`${direction}: ${(receivedBytes / 1024 / 1024).toFixed(0)} MB through ${edge}, peak RSS ${peakRssMb} MB`);
  worst = Math.max(worst, complete ? peakRssMb : Infinity);
}
console.log(worst <= LIMIT_MB ? "passed" : `FAILED: the limit is ${LIMIT_MB} MB, and everything must arrive`);
process.exit(worst <= LIMIT_MB ? 0 : 1);
