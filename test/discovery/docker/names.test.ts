import { describe, expect, test } from "bun:test";
import { friendlyName } from "../../../src/control/discovery/docker/friendly-name.ts";
import { isImageAllowed, readImageReference } from "../../../src/control/discovery/docker/image-reference.ts";
import { hostFrom, membershipOf } from "../../../src/control/discovery/docker/service-names.ts";
import { composed, container } from "./containers.ts";

describe("names of services", () => {
  test.each([
    ["shop-web-2", "shop-web"],
    ["shop_web_2", "shop-web"],
    ["0123456789ab_shop-web-2", "shop-web"],
    ["my-own-name", "my-own-name"],
    ["0123456789ab_my-own-name", "my-own-name"],
  ])("the Compose container %s belongs to %s", (name, expected) => {
    expect(membershipOf(composed("shop", "web", 2, { name }), null)).toMatchObject({
      key: "compose shop web",
      name: expected,
    });
  });

  test.each([
    ["{name}.localhost", "happy_turing", "happy-turing.localhost"],
    ["{name}.localhost", "API.v2", "api.v2.localhost"],
    ["{name}.localhost", "-_x_-", "x.localhost"],
    ["{name}.localhost", "___", null],
    ["{service}.{project}.test", "web", null],
    ["{nothing}x.test", "web", "x.test"],
    ["{name}.localhost", "a".repeat(64), `${"a".repeat(64)}.localhost`],
    ["{name}.localhost", "a".repeat(300), null],
  ])("%s for %s is %s", (template, name, host) => {
    expect(hostFrom(template, membershipOf(container(name), null))).toBe(host);
  });

  test("Compose's words fill in templates, too", () => {
    expect(hostFrom("{service}.{project}.test", membershipOf(composed("shop", "web", 1), null))).toBe("web.shop.test");
  });

  test("names that are made up are hosts", () => {
    expect(friendlyName(() => 0)).toBe("amber-badger");
    expect(friendlyName(() => 0.999_999)).toBe("warm-willow");
  });
});

describe("images", () => {
  const digest = `sha256:${"a".repeat(64)}`;

  test.each([
    ["nginx", null, "nginx:latest"],
    ["nginx", "1.27-alpine", "nginx:1.27-alpine"],
    ["nginx:1.27", "1.27", "nginx:1.27"],
    ["library/nginx", null, "library/nginx:latest"],
    ["ghcr.io/acme/shop:v1", null, "ghcr.io/acme/shop:v1"],
    ["localhost:5000/shop", null, "localhost:5000/shop:latest"],
    ["localhost:5000/shop:v1", null, "localhost:5000/shop:v1"],
    [`shop@${digest}`, null, `shop@${digest}`],
    [`shop:v1@${digest}`, null, `shop@${digest}`],
  ])("%s with tag %s is %s", (image, tag, text) => {
    expect(readImageReference(image, tag).text).toBe(text);
  });

  test.each([
    ["", null],
    ["NGINX", null],
    ["../../containers/x", null],
    ["nginx?fromSrc=-", null],
    ["nginx/", null],
    ["a//b", null],
    ["http://evil.test/nginx", null],
    ["nginx", "../x"],
    ["nginx", "a".repeat(129)],
    ["nginx:1", "2"],
    ["nginx@sha256:abc", null],
    [`nginx@${digest}`, "1"],
    ["nginx\n", null],
  ])("%j with tag %j is refused", (image, tag) => {
    expect(() => readImageReference(image, tag)).toThrow();
  });

  test("images are allowed by name or by folder", () => {
    const allowed = (image: string) => isImageAllowed(readImageReference(image, null), ["nginx", "ghcr.io/acme/*"]);
    expect(["nginx:1", "ghcr.io/acme/shop"].map(allowed)).toEqual([true, true]);
    expect(["nginx-evil", "evil/nginx", "ghcr.io/acme-evil/x", "ghcr.io/other/x"].map(allowed)).not.toContain(true);
  });
});
