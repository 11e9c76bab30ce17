// A user on npm's `ws`; run in the folder that holds its node_modules.
//
//   node agent_client.cjs URL QUESTIONS
//
// Asks one question after the other, each when the run before has ended; prints how many events came.
"use strict";

const { createRequire } = require("node:module");
const { WebSocket } = createRequire(`${process.cwd()}/`)("ws");

const [url, questions] = process.argv.slice(2);
const socket = new WebSocket(url);
let asked = 0;
let events = 0;

function ask() {
  if (asked === Number(questions)) return socket.close(1000);
  asked += 1;
  socket.send(JSON.stringify({ type: "user_message", message_id: `m${asked}`, content: `question ${asked}` }));
}

socket.on("open", ask);
socket.on("message", (data) => {
  events += 1;
  if (JSON.parse(data).type === "agent_completed") ask();
});
socket.on("close", () => console.log(JSON.stringify(events)));
