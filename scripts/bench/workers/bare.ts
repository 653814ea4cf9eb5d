/** The floor of the platform: a Worker that passes a request on and checks nothing. */
export default {
  fetch: (request: Request, env: { UPSTREAM: string }): Promise<Response> =>
    fetch(env.UPSTREAM, { method: request.method, headers: request.headers, body: request.body }),
};
