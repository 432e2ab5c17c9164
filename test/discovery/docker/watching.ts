import { DockerClient } from "../../../src/control/discovery/docker/docker-client.ts";
import { DockerProvider, type DockerProviderOptions } from "../../../src/control/discovery/docker/docker-provider.ts";
import type { PartialConfig } from "../../../src/control/discovery/provider.ts";
import { eventually } from "../../kit/eventually.ts";
import { ManualClock } from "../../kit/manual-clock.ts";
import { OPTIONS } from "./containers.ts";

/** A provider under watch: all that it has ever said. */
export class Watching implements Disposable {
  readonly provider: DockerProvider;
  readonly said: PartialConfig[] = [];
  readonly trouble: string[] = [];
  readonly #abort = new AbortController();
  readonly #client: DockerClient;
  readonly #clock: ManualClock | null;
  readonly ended: Promise<void>;

  constructor(endpoint: string, options: Partial<DockerProviderOptions> = {}) {
    this.#client = new DockerClient(endpoint);
    this.#clock = options.clock instanceof ManualClock ? options.clock : null;
    this.provider = new DockerProvider({
      client: this.#client,
      rules: OPTIONS,
      ownName: async () => null,
      onTrouble: (message) => this.trouble.push(message),
      ...options,
    });
    this.ended = this.#read();
  }

  async #read(): Promise<void> {
    for await (const config of this.provider.watch(this.#abort.signal)) this.said.push(config);
  }

  /** What is known now, as `NAME: ADDRESS:PORT ADDRESS:PORT(draining)`, a line a service. */
  get known(): string {
    return text(this.said.at(-1));
  }

  /** Until that is what is known. `*` stands for any address. */
  until(known: string, withinMs?: number): Promise<unknown> {
    const plain = () => this.known.replace(/\b\d+\.\d+\.\d+\.\d+\b/g, "*");
    const what = async () => {
      // Time passes while one waits for it.
      await this.#clock?.advance(20);
      return this.known === known || plain() === known;
    };
    return eventually(`it is known that ${JSON.stringify(known)}`, what, withinMs).catch((error: unknown) => {
      throw new Error(
        `${String(error)}; known is ${JSON.stringify(this.known)}, ${JSON.stringify(this.provider.state)}`,
      );
    });
  }

  stop(): void {
    this.#abort.abort();
  }

  [Symbol.dispose](): void {
    this.stop();
    this.#client.close();
  }
}

function text(config: PartialConfig | undefined): string {
  if (config === undefined) return "nothing yet";
  const lines = config.services.map(({ name, endpoints }) => {
    const all = endpoints.map(({ host, port, draining }) => `${host}:${port}${draining === true ? "(draining)" : ""}`);
    return [`${name}:`, ...all].join(" ");
  });
  return lines.join("\n");
}
