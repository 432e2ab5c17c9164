import { expect } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "../kit/eventually.ts";
import { freePort } from "../kit/free-port.ts";
import { type Config, Sluice } from "../kit/sluice.ts";
import { type ParsedFamily, parseStrictly } from "../metrics/strict-parser.ts";

/** A `sluice start` with an admin API, and what that shows. */
export class Observed {
  readonly sluice: Sluice;
  readonly admin: string;
  readonly #folder: string;

  private constructor(sluice: Sluice, folder: string) {
    this.sluice = sluice;
    this.#folder = folder;
    this.admin = /admin API on (http:\/\/[^,\s]+)/.exec(sluice.process.output)![1]!;
  }

  static async start(config: Config): Promise<Observed> {
    const folder = mkdtempSync(join(tmpdir(), "sluice-test-"));
    const store = { url: `sqlite:${join(folder, "sluice.db")}` };
    // Known before the start: port 0 takes a second version, which the page would show.
    const admin = { port: await freePort() };
    return new Observed(await Sluice.start({ admin, store, ...config }), folder);
  }

  get port(): number {
    return this.sluice.port;
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(this.admin + path, { headers });
  }

  async page(path = "/metrics", headers: Record<string, string> = {}): Promise<string> {
    const response = await this.get(path, headers);
    expect(response.status).toBe(200);
    return response.text();
  }

  async families(): Promise<ParsedFamily[]> {
    return parseStrictly(await this.page(), "text");
  }

  /** One scrape: what a metric says, summed by the values of these labels. */
  async scrape(): Promise<(metric: string, ...labels: string[]) => Record<string, number>> {
    const all = (await this.families()).flatMap(({ samples }) => samples);
    return (metric, ...labels) => {
      const sums: Record<string, number> = {};
      for (const { name, labels: its, value } of all) {
        const key = labels.map((label) => its[label]).join(" ");
        if (name === metric) sums[key] = (sums[key] ?? 0) + value;
      }
      return sums;
    };
  }

  async series(metric: string, ...labels: string[]): Promise<Record<string, number>> {
    return (await this.scrape())(metric, ...labels);
  }

  /** When so many requests have been counted: a reply leaves before it is. */
  async counted(requests: number): Promise<void> {
    const sum = async () => Object.values(await this.series("http_requests_total")).reduce((a, b) => a + b, 0);
    await eventually(`${requests} requests to be counted`, async () => (await sum()) === requests);
  }

  /** As `GET /api/workers` has them. */
  async workers(): Promise<Array<{ number: number; pid: number | null; state: string }>> {
    return (await this.get("/api/workers")).json() as Promise<Array<{ number: number; pid: number; state: string }>>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sluice.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
