// npm's `graphql-ws` as both ends of some sessions; run in the folder that holds its node_modules.
//
//   node graphql_ws_peers.cjs server [PINGS]
//   node graphql_ws_peers.cjs client URL [calm]
//   node graphql_ws_peers.cjs pinging URL PINGS
//
// The server prints its port. The client prints, when all is over, a line of JSON: the results of
// each operation by the name of its session. A calm client lets the server say nothing more behind
// the last result before it stops an operation, and has the results of operations that run at once
// come well apart: else how much is said, and in which order, is another each time. A pinging client
// has one session, which it ends once so many of its pings were answered; the server gives its answer
// there once so many of its own were.
"use strict";

const { createRequire } = require("node:module");
const here = createRequire(`${process.cwd()}/`);
const { buildSchema, parse, validate, subscribe, execute } = here("graphql");
const { createClient } = here("graphql-ws");
const { useServer } = here("graphql-ws/use/ws");
const { WebSocket, WebSocketServer } = here("ws");

const [role, url, calm] = process.argv.slice(2);
const pings = Number(role === "server" ? url : calm);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

const schema = buildSchema(`
  type Query { greeting: String }
  type Mutation { add(a: Int!, b: Int!): Int }
  type Subscription { count(to: Int!, first: Int, every: Int): Int  forever(until: Int): Int  broken: Int  pinged: Int }
`);

const roots = {
  query: { greeting: () => "hello" },
  mutation: { add: ({ a, b }) => a + b },
  subscription: {
    async *count({ to, first = 2, every = 2 }) {
      for (let count = 1; count <= to; count++) {
        await pause(count === 1 ? first : every);
        yield { count };
      }
    },
    async *forever({ until }) {
      for (let forever = 1; ; forever++) {
        await pause(1);
        yield { forever };
        if (forever === until) await pause(5000);
      }
    },
    async *pinged(_, { extra: { socket } }) {
      for (let ping = 0; ping < pings; ping++) {
        socket.send('{"type":"ping"}');
        await new Promise((done) =>
          socket.on("message", (data) => `${data}`.includes('"pong"') && done()),
        );
      }
      yield { pinged: 1 };
    },
    async *broken() {
      yield { broken: 1 };
      throw new Error("the source broke");
    },
  },
};

function serve() {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, path: "/graphql" });
  useServer(
    {
      schema,
      roots,
      execute,
      subscribe,
      validate,
      parse,
      context: (context) => context,
      connectionInitWaitTimeout: 200,
      onConnect: ({ connectionParams }) =>
        connectionParams?.refused ? false : { motd: "welcome" },
      onNext: ({ connectionParams, extra }) => {
        if (connectionParams?.pinged && !extra.pinged) extra.socket.send('{"type":"ping"}');
        extra.pinged = true;
      },
    },
    server,
  );
  server.on("listening", () => console.log(server.address().port));
}

// One operation: its results, or its errors; stopped by the client after so many results, behind
// which some may be on their way still.
function ask(client, query, stopAfter = Infinity) {
  return new Promise((done) => {
    const results = [];
    const ended = (more) => done(more === undefined ? [...results] : [...results, more]);
    const stop = client.subscribe(
      { query },
      {
        next: (result) => {
          results.push(result.data ?? result.errors?.map((error) => error.message));
          if (results.length === stopAfter) stop();
        },
        error: (error) => ended(error.reason ?? error.map?.(({ message }) => message) ?? "?"),
        complete: () => ended(),
      },
    );
  });
}

const SESSIONS = {
  one_result_each: {
    asks: (client) => [
      () => ask(client, "{ greeting }"),
      () => ask(client, "mutation { add(a: 1, b: 2) }"),
      () => ask(client, "subscription { count(to: 3) }"),
    ],
  },
  at_once: {
    options: { keepAlive: 5 },
    asks: (client) => [
      () =>
        Promise.all([
          ask(client, `subscription { count(to: ${calm ? "4, first: 40, every: 80" : 8}) }`),
          ask(client, `subscription { count(to: ${calm ? "2, first: 80, every: 80" : 4}) }`),
          ask(client, "{ greeting }"),
        ]),
    ],
  },
  stopped_by_the_client: {
    asks: (client) => [
      () => ask(client, `subscription { forever${calm ? "(until: 4)" : ""} }`, 4),
      () => ask(client, `subscription { forever${calm ? "(until: 1)" : ""} }`, 1),
      () => ask(client, "{ greeting }"),
    ],
  },
  errors: {
    asks: (client) => [
      () => ask(client, "{ nothing }"),
      () => ask(client, "subscription { broken }"),
      () => ask(client, "{ greeting }"),
    ],
  },
  pinged_by_the_server: {
    options: { connectionParams: { pinged: true } },
    asks: (client) => [() => ask(client, "subscription { count(to: 6) }")],
  },
  refused: {
    options: { connectionParams: { refused: true }, retryAttempts: 0 },
    asks: (client) => [() => ask(client, "{ greeting }")],
  },
};

async function converse(url) {
  const said = {};
  for (const [name, { options, asks }] of Object.entries(SESSIONS)) {
    const client = createClient({ url, webSocketImpl: WebSocket, lazyCloseTimeout: 5000, ...options });
    said[name] = [];
    for (const one of asks(client)) said[name].push(await one());
    // With no ping of its own on its way.
    if (options?.keepAlive) await new Promise((done) => client.on("pong", (got) => got && done()));
    await client.dispose();
  }
  console.log(JSON.stringify(said));
}

async function ping(url) {
  let left = pings;
  const client = createClient({ url, webSocketImpl: WebSocket, lazyCloseTimeout: 5000, keepAlive: 10 });
  const answered = new Promise((done) => client.on("pong", (got) => got && --left === 0 && done()));
  const said = await ask(client, "subscription { pinged }");
  await answered;
  await client.dispose();
  console.log(JSON.stringify(said));
}

if (role === "server") serve();
else if (role === "pinging") ping(url);
else converse(url);
