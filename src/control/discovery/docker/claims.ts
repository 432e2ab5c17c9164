import type { RouteClaim } from "./service-settings.ts";

export interface Settled {
  readonly routes: ReadonlyArray<Readonly<Record<string, unknown>>>;
  /** Why something was not granted. */
  readonly refused: readonly string[];
}

/** Names and routes of one engine's services: who comes first has them, and who comes later is told. */
export class Claims {
  readonly #routes = new Set<string>();
  readonly #names = new Set<string>();

  /** The routes without what others have already. */
  settle(claims: readonly RouteClaim[]): Settled {
    const refused: string[] = [];
    const routes = claims.flatMap(({ hosts, path, rest }) => {
      const wanted = hosts.length === 0 ? [""] : hosts;
      const granted = wanted.filter((host) => this.#take(host, path));
      for (const host of wanted) {
        if (!granted.includes(host)) refused.push(`${host || "any host"} with ${path} belongs to an older container`);
      }
      if (granted.length === 0) return [];
      return [{ ...(hosts.length === 0 ? {} : { host: granted }), path, ...rest }];
    });
    return { routes, refused };
  }

  /** A name that nobody else has. @param id of a container, to tell it from the other one */
  name(wanted: string, id: string): string {
    const name = this.#names.has(wanted) ? `${wanted.slice(0, 80)}-${id.slice(0, 12)}` : wanted;
    this.#names.add(name);
    return name;
  }

  #take(host: string, path: string): boolean {
    const key = `${host.replace(/\.$/, "")} ${path}`;
    if (this.#routes.has(key)) return false;
    this.#routes.add(key);
    return true;
  }
}
