import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Server } from "bun";
import type { Container } from "../../../src/control/discovery/docker/container.ts";
import { container, idOf, network } from "./containers.ts";

type Change = Partial<Omit<Container, "id" | "name">>;

/**
 * An engine as far as `DockerClient` asks one: for what a real one does too seldom, or too slowly (going away, failing, hanging, 200
 * containers at once). `contract.test.ts` ties it to a real one.
 */
export class FakeEngine implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "sluice-fake-docker-"));
  readonly socket = join(this.#folder, "docker.sock");
  readonly #containers = new Map<string, Container>();
  readonly #streams = new Set<ReadableStreamDefaultController<Uint8Array>>();
  #server: Server<undefined> | null = null;
  #byTcp: Server<undefined> | null = null;
  #address = 1;
  /** Requests by what they asked for. */
  readonly asked: string[] = [];
  inspecting = 0;
  mostInspecting = 0;
  /** Answers a request by itself. */
  intercept: (path: string, request: Request) => Response | Promise<Response> | null = () => null;
  /** Of an inspection. */
  delay: () => Promise<void> = () => Promise.resolve();

  constructor() {
    this.start();
  }

  get endpoint(): string {
    return `unix://${this.socket}`;
  }

  get inspections(): number {
    return this.asked.filter((path) => path.endsWith("/json") && path !== "/containers/json").length;
  }

  get listeners(): number {
    return this.#streams.size;
  }

  start(): void {
    this.#server = Bun.serve({
      unix: this.socket,
      development: false,
      fetch: (request, server) => this.#answer(request, server),
    });
  }

  /** By TCP, too. @returns the port */
  listen(): number {
    this.#byTcp = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      development: false,
      fetch: (request, server) => this.#answer(request, server),
    });
    return this.#byTcp.port!;
  }

  async stop(): Promise<void> {
    await this.#byTcp?.stop(true);
    await this.#server?.stop(true);
    this.#server = null;
    this.#streams.clear();
    rmSync(this.socket, { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** As `docker run -d --name NAME`. */
  run(name: string, change: Change = {}): void {
    this.add(name, change);
    this.emit(name, "start");
  }

  /** Without a word. */
  add(name: string, change: Change = {}): void {
    const networks = [network("bridge", `10.1.${this.#address >> 8}.${this.#address++ & 255}`)];
    this.#containers.set(name, container(name, { networks, startedAt: Date.now(), createdAt: Date.now(), ...change }));
  }

  change(name: string, change: Change, action: string): void {
    this.#containers.set(name, { ...this.#containers.get(name)!, ...change });
    this.emit(name, action);
  }

  signal(name: string, signal: string): void {
    this.emit(name, "kill", { signal });
  }

  die(name: string): void {
    this.change(name, { state: "exited" }, "die");
  }

  remove(name: string): void {
    this.emit(name, "destroy");
    this.forget(name);
  }

  rename(from: string, to: string): void {
    const before = this.#containers.get(from)!;
    this.#containers.delete(from);
    this.#containers.set(to, { ...before, name: to });
    this.#tell(before.id, "rename", { name: to });
  }

  /** Without a word. */
  forget(name: string): void {
    this.#containers.delete(name);
  }

  emit(name: string, action: string, attributes: Record<string, string> = {}): void {
    this.#tell(this.#containers.get(name)?.id ?? idOf(name), action, { name, ...attributes });
  }

  #tell(id: string, action: string, attributes: Record<string, string>): void {
    const actor = { ID: id, Attributes: attributes };
    this.say(JSON.stringify({ Type: "container", Action: action, Actor: actor, timeNano: Date.now() * 1e6 }));
  }

  /** A line of the stream of events. */
  say(line: string): void {
    const bytes = new TextEncoder().encode(`${line}\n`);
    for (const stream of this.#streams) stream.enqueue(bytes);
  }

  /** Ends every stream of events, as an engine does that goes down. */
  hangUp(): void {
    for (const stream of this.#streams) stream.close();
    this.#streams.clear();
  }

  async #answer(request: Request, server: Server<undefined>): Promise<Response> {
    // Nothing may happen for long.
    server.timeout(request, 0);
    const path = new URL(request.url).pathname.replace(/^\/v[\d.]+/, "");
    this.asked.push(path);
    const own = await this.intercept(path, request);
    if (own !== null) return own;
    if (path === "/_ping") return new Response("OK", { headers: { "api-version": "1.41" } });
    if (path === "/info") return Response.json({ ServerVersion: "fake", OperatingSystem: "Fake" });
    if (path === "/events")
      return new Response(this.#eventStream(), { headers: { "content-type": "application/json" } });
    if (path === "/containers/json") return Response.json([...this.#containers.values()].filter(isUp).map(summaryOf));
    return this.#inspect(/^\/containers\/([^/]+)\/json$/.exec(path)?.[1] ?? "");
  }

  async #inspect(id: string): Promise<Response> {
    this.mostInspecting = Math.max(this.mostInspecting, ++this.inspecting);
    const found = [...this.#containers.values()].find((one) => one.id === id);
    await this.delay();
    this.inspecting--;
    if (found === undefined) return Response.json({ message: `No such container: ${id}` }, { status: 404 });
    return Response.json(inspectionOf(found));
  }

  #eventStream(): ReadableStream<Uint8Array> {
    let own: ReadableStreamDefaultController<Uint8Array>;
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        own = controller;
        this.#streams.add(controller);
        // Bun sends a head with the first bytes of its body; Docker sends it at once.
        controller.enqueue(new TextEncoder().encode("\n"));
      },
      cancel: () => void this.#streams.delete(own),
    });
  }
}

function isUp({ state }: Container): boolean {
  return state !== "exited" && state !== "created";
}

const attached = ({ networks }: Container) =>
  Object.fromEntries(
    networks.map(({ name, id, endpointId, address, gateway }) => [
      name,
      { NetworkID: id, EndpointID: endpointId, IPAddress: address, Gateway: gateway },
    ]),
  );

function summaryOf(one: Container): unknown {
  const health = { none: "", starting: " (health: starting)", healthy: " (healthy)", unhealthy: " (unhealthy)" };
  return {
    Id: one.id,
    Names: [`/${one.name}`],
    Image: one.image,
    Labels: one.labels,
    State: one.state,
    Status: `Up 5 minutes${health[one.health]}`,
    Created: Math.floor(one.createdAt / 1000),
    NetworkSettings: { Networks: attached(one) },
  };
}

function inspectionOf(one: Container): unknown {
  const health = one.health === "none" ? {} : { Health: { Status: one.health } };
  return {
    Id: one.id,
    Name: `/${one.name}`,
    Created: new Date(one.createdAt).toISOString(),
    State: { Status: one.state, StartedAt: new Date(one.startedAt).toISOString(), ...health },
    Config: {
      Image: one.image,
      Labels: one.labels,
      ExposedPorts: Object.fromEntries(one.exposedPorts.map((port) => [`${port}/tcp`, {}])),
      StopSignal: one.stopSignal,
    },
    HostConfig: { NetworkMode: one.networkMode },
    NetworkSettings: { Ports: {}, Networks: attached(one) },
  };
}
