/**
 * Plugin files are bundled apart from the program and yet share its contract: their `import … from "sluice"` is answered by the
 * module that runs. Whoever imports bundles imports this first.
 */
import * as contract from "../plugin.ts";

const KEY = "sluice.contract";

(globalThis as Record<symbol, unknown>)[Symbol.for(KEY)] = contract;

/** Source of the module that stands for "sluice" in a bundle. */
export const CONTRACT_SOURCE = `export const { ${Object.keys(contract).join(", ")} } = globalThis[Symbol.for("${KEY}")];`;
