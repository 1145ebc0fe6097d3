/** A server of Node with a bound on everything, for the page and for the control socket. */
import { createServer, type RequestListener, type Server } from 'node:http';

export function boundedServer(listener: RequestListener): Server {
  const server = createServer(
    {
      headersTimeout: 5_000,
      requestTimeout: 30_000,
      keepAliveTimeout: 5_000,
      connectionsCheckingInterval: 2_000,
      maxHeaderSize: 16 * 1024,
      insecureHTTPParser: false,
    },
    listener,
  );
  server.maxConnections = 256;
  server.maxRequestsPerSocket = 10_000;
  // A stream of events says something every 15 seconds; whoever takes nothing for so long is gone.
  server.timeout = 120_000;
  return server;
}

/** Stops listening and ends what is open. May be called twice. */
export async function closeServer(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}
