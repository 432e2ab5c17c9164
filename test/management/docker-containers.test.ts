import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { AdminSluice, READ_ONLY, TOKEN } from "../admin/admin-sluice.ts";
import { describeWithDocker, DockerEngine, IMAGE } from "../kit/docker-engine.ts";
import { ask } from "../kit/raw-client.ts";
import { becomes, answers, sluiceFor } from "./docker-kit.ts";

const CONTAINERS = "/api/v1/containers";
/** No registry is asked: nobody listens there. */
const NOWHERE = "127.0.0.1:9/nothing";

describeWithDocker("containers by the admin API", () => {
  let engine: DockerEngine;
  let sluice: AdminSluice;
  beforeAll(async () => {
    engine = await DockerEngine.start();
    await engine.makeImages();
    const discovery = {
      docker: {
        endpoint: engine.endpoint,
        grace: "1s",
        management: { enabled: true, images: ["sluice-service", NOWHERE] },
      },
    };
    sluice = await AdminSluice.start({ workers: 2, discovery }, { token: TOKEN, readOnlyToken: READ_ONLY });
  }, 90_000);
  afterEach(() => engine.removeAll(), 30_000);
  afterAll(async () => {
    await sluice?.sluice.stop();
    await engine?.stop();
  }, 30_000);

  const actions = async () => {
    const { json } = await sluice.admin.get("/api/audit");
    return (json.entries as Array<{ actor: string; action: string; target: string }>).toReversed();
  };

  test("one is started from an image, reached where the answer says, stopped, started again and removed", async () => {
    const created = await sluice.admin.post(CONTAINERS, { image: "sluice-service", tag: "1", name: "made" });
    expect([created.status, created.json]).toMatchObject([201, { name: "made", state: "running", problems: [] }]);
    expect(created.json.urls).toEqual(
      ["made.localhost", "made.docker.localhost"].map((host) => `http://${host}:${sluice.sluice.port}/`),
    );
    const { host, port } = new URL(created.json.urls[0]);
    await answers(sluice, 200, host);
    expect((await ask(Number(port), { host })).json()).toMatchObject({ who: created.json.id.slice(0, 12) });
    expect((await sluice.admin.get(CONTAINERS)).json).toMatchObject([
      { id: created.json.id, name: "made", image: IMAGE, state: "running", isManaged: true },
    ]);
    const one = `${CONTAINERS}/${created.json.id}`;
    expect((await sluice.admin.post(`${one}/stop`)).status).toBe(204);
    await answers(sluice, 404, host);
    const again = await sluice.admin.post(`${CONTAINERS}/made/start`);
    expect([again.status, again.json.urls]).toEqual([200, created.json.urls]);
    await answers(sluice, 200, host);
    expect((await sluice.admin.delete(one)).status).toBe(204);
    await answers(sluice, 404, host);
    expect((await sluice.admin.get(CONTAINERS)).json).toEqual([]);
    const audit = await actions();
    expect(audit.map(({ action }) => action)).toEqual(
      ["create", "stop", "start", "remove"].map((x) => `container.${x}`),
    );
    for (const { actor } of audit) expect(actor).toContain("127.0.0.1");
  }, 60_000);

  test("one without a name gets a friendly one", async () => {
    const { json } = await sluice.admin.post(CONTAINERS, { image: IMAGE, env: { PORT: "4000" }, port: 4000 });
    expect(json.name).toMatch(/^[a-z]+-[a-z]+/);
    await answers(sluice, 200, `${json.name}.localhost`);
  }, 60_000);

  test("nobody does anything without the token, and those who only look only look", async () => {
    const wanted = { image: IMAGE, name: "uninvited" };
    for (const token of [null, "another"]) {
      expect((await sluice.admin.get(CONTAINERS, { token })).status).toBe(401);
      expect((await sluice.admin.post(CONTAINERS, wanted, { token })).status).toBe(401);
    }
    expect((await sluice.admin.get(CONTAINERS, { token: READ_ONLY })).status).toBe(200);
    expect((await sluice.admin.post(CONTAINERS, wanted, { token: READ_ONLY })).status).toBe(403);
    expect((await sluice.admin.delete(`${CONTAINERS}/x`, { token: READ_ONLY })).status).toBe(403);
    expect(await engine.docker("ps", "-aq")).toBe("");
  });

  test("what makes no sense, is not there or is not ours is refused with the reason, and is no deed in the audit log", async () => {
    await engine.run("--name", "foreign", IMAGE);
    const before = (await actions()).length;
    const refused = async (method: string, path: string, body?: unknown) => {
      const { status, json } = await sluice.admin.ask(method, CONTAINERS + path, body === undefined ? {} : { body });
      expect(json).toMatchObject({ status, code: expect.any(String), detail: expect.any(String) });
      return status;
    };
    expect(await refused("POST", "", "{")).toBe(400);
    expect(await refused("POST", "", { imgae: "x" })).toBe(400);
    expect(await refused("POST", "", { image: "sluice-checked:1" })).toBe(403);
    expect(await refused("POST", "", { image: IMAGE, name: "foreign" })).toBe(409);
    expect(await refused("POST", "/nobody/stop")).toBe(404);
    expect(await refused("POST", "/foreign/stop")).toBe(403);
    expect(await refused("DELETE", "/foreign")).toBe(403);
    expect(await refused("DELETE", "/%ff")).toBe(400);
    expect(await refused("DELETE", "")).toBe(405);
    expect(await engine.docker("ps", "--format", "{{.Names}}")).toBe("foreign");
    expect((await actions()).length).toBe(before);
    expect(sluice.sluice.process.output).not.toContain("could not be managed");
  });

  test("what cannot be pulled is said", async () => {
    const { status, json } = await sluice.admin.post(CONTAINERS, { image: NOWHERE, tag: "1" });
    expect([status, json.code]).toEqual([502, "failed"]);
    expect(json.detail).toContain("127.0.0.1:9");
  }, 60_000);

  test("is off where nobody turned it on, and cannot be turned on without a token", async () => {
    await using off = await sluiceFor(engine);
    expect((await off.admin.get(CONTAINERS)).status).toBe(404);
    expect((await off.admin.post(CONTAINERS, { image: IMAGE })).status).toBe(404);
    const management = { docker: { endpoint: engine.endpoint, management: { enabled: true } } };
    await expect(AdminSluice.start({ discovery: management })).rejects.toThrow("needs a token");
    await becomes("nothing runs", async () => (await engine.docker("ps", "-aq")) === "");
  }, 60_000);
});
