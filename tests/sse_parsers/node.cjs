// Reads event streams with the npm package eventsource-parser. In: one JSON line a stream, an array of chunks in hex.
// Out: one JSON line a stream, an array of events.
const { createParser } = require("eventsource-parser");

for (const line of require("fs").readFileSync(0, "utf8").split("\n").filter(Boolean)) {
  const seen = [];
  let retry = null;
  const parser = createParser({
    onEvent: ({ event, data, id }) => {
      seen.push({ event: event || "message", data, id: id ?? null, retry });
      retry = null;
    },
    onRetry: (milliseconds) => (retry = milliseconds),
  });
  // Bytes become text as `fetch` clients do it: this is where a character cut in two is put together, or lost.
  const decoder = new TextDecoder("utf-8");
  for (const chunk of JSON.parse(line)) {
    parser.feed(decoder.decode(Buffer.from(chunk, "hex"), { stream: true }));
  }
  console.log(JSON.stringify(seen));
}
