/** `bun bench/scrape/scraper.ts URL SECONDS`: reads the page each second; prints `[startedAt, ms, bytes]` of each as JSON. */
export {};

const [url = "", seconds = "10"] = process.argv.slice(2);
const scrapes: Array<[startedAt: number, ms: number, bytes: number]> = [];

for (let i = 0; i < Number(seconds); i++) {
  const next = Bun.sleep(1000);
  const start = performance.now();
  const response = await fetch(url);
  const { byteLength } = await response.arrayBuffer();
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  scrapes.push([performance.timeOrigin + start, performance.now() - start, byteLength]);
  await next;
}
console.log(JSON.stringify(scrapes));
