// node http-proxy-3.mjs PORT TARGET: the library as its README shows it, with the keep-alive agent it recommends.
import http from "node:http";
import { createProxyServer } from "http-proxy-3";

const [port, target] = process.argv.slice(2);
const agent = new http.Agent({ keepAlive: true, maxFreeSockets: 512 });
const proxy = createProxyServer({ target, agent, xfwd: true });
proxy.on("error", (_error, _request, reply) => {
  if (!reply.headersSent) reply.writeHead?.(502);
  reply.end();
});
http.createServer((request, reply) => proxy.web(request, reply)).listen(Number(port), "127.0.0.1");
