// Print what a school's events say: node follow.mjs http://dashboard:8080 TOKEN s001 [inspector.finding …]
const [address, token, school, ...types] = process.argv.slice(2);
const query = new URLSearchParams([["school", school], ...types.map((type) => ["type", type])]);
let last = {};
for (;;) {
  try {
    const headers = { Authorization: `Bearer ${token}`, ...last };
    const answer = await fetch(`${address}/api/events?${query}`, { headers });
    if (!answer.ok) throw new Error(await answer.text(), { cause: "refused" });
    let rest = "";
    for await (const text of answer.body.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split(/\r?\n/);
      rest = lines.pop();
      for (const line of lines) {
        if (line.startsWith("id: ")) last = { "Last-Event-ID": line.slice(4) }; // keep it to miss nothing
        if (line.startsWith("data: ")) console.log(JSON.parse(line.slice(6)));
      }
    }
  } catch (error) {
    if (error.cause === "refused") throw error;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}
