// Preloaded into a server that would listen on every interface: it gets 127.0.0.1 instead.
import net from "node:net";

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function onLoopback(first, ...rest) {
  return typeof first === "number" || typeof first === "string"
    ? listen.call(
        this,
        { port: Number(first), host: "127.0.0.1" },
        ...rest.filter((arg) => typeof arg === "function"),
      )
    : listen.call(this, first, ...rest);
};
