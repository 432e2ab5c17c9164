import { describe, expect, test } from "bun:test";
import { transfer } from "./slow-transfer.ts";

const MEGABYTES = 256;
const LIMIT_MB = 100;

describe("streaming through slow peers", () => {
  for (const edge of ["serve", "wire"] as const) {
    for (const direction of ["down", "up"] as const) {
      test(`${MEGABYTES} MB ${direction} never take more than ${LIMIT_MB} MB of memory on edge ${edge}`, async () => {
        const { receivedBytes, peakRssMb } = await transfer(direction, MEGABYTES, edge);
        expect(receivedBytes).toBeGreaterThanOrEqual(MEGABYTES * 1024 * 1024);
        expect(peakRssMb).toBeLessThanOrEqual(LIMIT_MB);
      }, 120_000);
    }
  }
});
