/** Where Swagger UI's files lie; null: they are not in this build. */
export type Assets = (name: string) => Blob | null;

/** What the page loads: nothing else is served from there. */
const FILES: Readonly<Record<string, string>> = {
  "swagger-ui.css": "text/css; charset=utf-8",
  "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
  "favicon-32x32.png": "image/png",
};

const START = `
window.onload = () => {
  SwaggerUIBundle({ url: "docs/json", dom_id: "#page", tryItOutEnabled: true, validatorUrl: null });
};
`;

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sluice admin API</title>
<link rel="icon" type="image/png" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="page"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
`;

/** The page may load what comes with it and talk to this API, and nothing else. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

export function docsPage(): Response {
  return new Response(PAGE, {
    headers: { "Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": POLICY },
  });
}

export function docsFile(name: string, assets: Assets): Response | null {
  if (name === "start.js")
    return new Response(START, { headers: { "Content-Type": "text/javascript; charset=utf-8" } });
  const type = Object.hasOwn(FILES, name) ? FILES[name]! : null;
  const file = type === null ? null : assets(name);
  if (file === null) return null;
  return new Response(file, { headers: { "Content-Type": type!, "Cache-Control": "max-age=86400" } });
}
