import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** Passes TCP connections on to a port of this machine, until told otherwise. */
export interface TcpRelay extends AsyncDisposable {
  readonly port: number;
  /** Connections that are open now. */
  readonly open: number;
  /** Breaks all connections with a reset; new ones are let through. */
  cut(): void;
  /** The open connections carry no byte more, and never end, as behind a NAT that forgot them. */
  deaden(): void;
  /** The same for new connections too, until disposed: then everything that waits arrives. */
  freeze(): Disposable;
}

export async function startTcpRelay(targetPort: number): Promise<TcpRelay> {
  const lines = new Set<readonly [Socket, Socket]>();
  const dead = new Set<Socket>();
  let frozen = false;
  const server = createServer((client) => {
    const target = connect(targetPort, '127.0.0.1');
    const line = [client, target] as const;
    lines.add(line);
    for (const [from, to] of [line, [target, client] as const]) {
      from.setNoDelay(true);
      from.on('data', (bytes) => void to.write(bytes));
      from.on('error', () => void to.destroy());
      from.on('close', () => {
        lines.delete(line);
        to.destroySoon();
      });
      if (frozen) from.pause();
    }
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const sockets = (): Socket[] => [...lines].flat();
  const cut = (): void => sockets().forEach((socket) => void socket.resetAndDestroy());
  return {
    port: (server.address() as AddressInfo).port, // TCP
    get open() {
      return lines.size;
    },
    cut,
    deaden: () =>
      sockets().forEach((socket) => {
        dead.add(socket);
        socket.pause();
      }),
    freeze: () => {
      frozen = true;
      sockets().forEach((socket) => void socket.pause());
      return {
        [Symbol.dispose]: () => {
          frozen = false;
          sockets().forEach((socket) => void (dead.has(socket) || socket.resume()));
        },
      };
    },
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise((resolve) => void server.close(resolve));
    },
  };
}
