// A user of npm's @ag-ui/client over a WebSocket; run in the folder that holds its node_modules.
//
//   node ag_ui_client.mjs URL WORDS WORDS ...
//
// Each WORDS is a session, `hello,weather` two runs in it. The client holds every stream against
// the protocol before it applies it. Prints the conversation that each session ends with.
import { createRequire } from "node:module";

const require = createRequire(`${process.cwd()}/`);
const { AbstractAgent } = require("@ag-ui/client");
const { Observable } = require("rxjs");
const { WebSocket } = require("ws");

class Remote extends AbstractAgent {
  constructor(socket) {
    super({});
    this.socket = socket;
  }

  run(input) {
    return new Observable((watcher) => {
      const hear = (data) => {
        const event = JSON.parse(data);
        watcher.next(event);
        if (event.type === "RUN_FINISHED" || event.type === "RUN_ERROR") watcher.complete();
      };
      this.socket.on("message", hear);
      this.socket.send(JSON.stringify(input));
      return () => this.socket.off("message", hear);
    });
  }
}

const [url, ...sessions] = process.argv.slice(2);
const ended = [];
for (const [number, words] of sessions.entries()) {
  const socket = new WebSocket(url);
  await new Promise((resolve) => socket.on("open", resolve));
  const agent = new Remote(socket);
  for (const [place, content] of words.split(",").entries()) {
    agent.addMessage({ id: `user-${number}-${place}`, role: "user", content });
    await agent.runAgent();
  }
  const closed = new Promise((resolve) => socket.on("close", resolve));
  socket.close(1000);
  await closed;
  ended.push(agent.messages.map(({ role, content }) => [role, content ?? null]));
}
console.log(JSON.stringify(ended));
