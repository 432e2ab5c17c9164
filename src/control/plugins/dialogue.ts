import type { ConfigProblem } from "../../contract/plugin-config.ts";

/** What the control plane asks of its workshop, and what it answers. Plain JSON. */
export interface WorkshopDialogue {
  load: { ask: LoadAsk; answer: LoadAnswer };
  configure: { ask: ConfigureAsk; answer: ConfigureAnswer };
}

export type WorkshopVerb = keyof WorkshopDialogue;

export interface WorkshopQuestion {
  readonly id: number;
  readonly verb: WorkshopVerb;
  readonly ask: unknown;
}

export type FromWorkshop =
  | { readonly kind: "ready" }
  | { readonly kind: "answer"; readonly id: number; readonly answer: unknown }
  | { readonly kind: "refused"; readonly id: number; readonly reason: string };

/** `file`: bundle it into `folder`; `shipped`: it is part of the program. */
export type LoadAsk = { readonly file: string; readonly folder: string } | { readonly shipped: string };

/** What a plugin says of itself. */
export interface PluginDescription {
  readonly name: string;
  readonly provides: readonly string[];
  readonly needs: readonly string[];
  readonly timeoutMs: number;
  readonly onError: "fail" | "continue";
  /** Of its configuration, as JSON Schema with `x-sluice`. */
  readonly schema: Readonly<Record<string, unknown>>;
}

/** Where something is wrong in a plugin's source; line 0: somewhere in it. */
export interface SourceProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** `files`: everything it was made from, absolute; also of what failed, as far as it is known. */
export type LoadAnswer =
  | {
      readonly ok: true;
      readonly module: string;
      readonly hash: string;
      readonly files: readonly string[];
      readonly about: PluginDescription;
    }
  | { readonly ok: false; readonly files: readonly string[]; readonly problems: readonly SourceProblem[] };

export interface ConfigureAsk {
  readonly module: string;
  readonly with: unknown;
  readonly upstreams: readonly string[];
}

export type ConfigureAnswer =
  | { readonly ok: true; readonly value: unknown; readonly secrets: Array<Array<string | number>> }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };
