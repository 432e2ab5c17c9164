import type { Assets } from "../control/admin/docs-page.ts";
import bundle from "swagger-ui-dist/swagger-ui-bundle.js" with { type: "file" };
import icon from "swagger-ui-dist/favicon-32x32.png" with { type: "file" };
import style from "swagger-ui-dist/swagger-ui.css" with { type: "file" };

// Literal imports, so that the one-file executable holds them.
const FILES: Readonly<Record<string, string>> = {
  "swagger-ui-bundle.js": bundle,
  "swagger-ui.css": style,
  "favicon-32x32.png": icon,
};

/** Swagger UI's files, as they came with the package: the page works without the internet. */
export const docsAssets: Assets = (name) => (Object.hasOwn(FILES, name) ? Bun.file(FILES[name]!) : null);
