// Both ends of a session on npm's `ws`; run in the folder that holds its node_modules.
//
//   node ws_peers.cjs server SESSIONS
//   node ws_peers.cjs client URL SESSIONS
//
// The server prints its port; then each side prints, as soon as that many sessions have ended, a
// line of JSON: what was sent and received in each, as [kind, bytes, hash], and how it was closed.
"use strict";

const { createCipheriv, createHash } = require("node:crypto");
const { createRequire } = require("node:module");
const { WebSocket, WebSocketServer } = createRequire(`${process.cwd()}/`)("ws");

const SIZES = [0, 1, 125, 126, 1023, 1024, 5000, 65535, 65536, 200000];
const perMessageDeflate = { threshold: 1024 };

const told = (data, binary) => {
  const hash = createHash("sha256").update(data).digest("hex");
  return [binary ? "bytes" : "str", data.length, hash];
};

// Bytes, half of which compress well, or text of about as many bytes.
function message(by, session, number) {
  const size = SIZES[number % SIZES.length];
  const key = createHash("md5").update(`${by} ${session} ${number}`).digest();
  const noise = createCipheriv("aes-128-ctr", key, Buffer.alloc(16)).update(Buffer.alloc(size));
  noise.fill(0, 0, size >> 1);
  if ((number + session) % 2) return noise;
  return noise.toString("latin1").replaceAll("\0", "€").slice(0, Math.ceil(size / 2));
}

const wholes = SIZES.length * 2;

// In four sessions: one is closed by the client and one by the server with a code of their own.
const says = { client: { 1: "the client has had enough, ä€" }, server: { 3: "the server has" } };

function talk(socket, by, session, ended) {
  const seen = { sent: [], received: [], pings: [], closed: null, extensions: socket.extensions };
  const say = () => {
    const data = message(by, session, seen.sent.length);
    seen.sent.push(told(Buffer.from(data), typeof data !== "string"));
    socket.send(data);
    if (seen.sent.length % 5 === 0) socket.ping(`${by} ${seen.sent.length}`);
  };
  socket.on("ping", (data) => seen.pings.push(data.toString()));
  socket.on("message", (data, binary) => {
    seen.received.push(told(data, binary));
    if (by === "server") say();
    if (seen.received.length < wholes) return;
    const reason = says[by][session % 4];
    if (reason) socket.close(4001, reason);
    else if (by === "client" && session % 2 === 0) socket.close(1000);
  });
  socket.on("close", (code, reason) => {
    seen.closed = [code, reason.toString()];
    ended(session, seen);
  });
  if (by === "client") for (let number = 0; number < wholes; number++) say();
}

function collector(sessions) {
  let all = {};
  return (session, seen) => {
    all[session] = seen;
    if (Object.keys(all).length < sessions) return;
    console.log(JSON.stringify(all));
    all = {};
  };
}

const [role, ...options] = process.argv.slice(2);
if (role === "server") {
  const ended = collector(Number(options[0]));
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate });
  server.on("listening", () => console.log(server.address().port));
  server.on("connection", (socket, request) => {
    talk(socket, "server", Number(request.url.split("session=")[1]), ended);
  });
} else {
  const [url, sessions] = options;
  const ended = collector(Number(sessions));
  for (let session = 0; session < Number(sessions); session++) {
    const socket = new WebSocket(`${url}/?session=${session}`, { perMessageDeflate });
    socket.on("open", () => talk(socket, "client", session, ended));
  }
}
