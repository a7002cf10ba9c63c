// Which page an address asks for.

export type Route = { page: 'home' } | { page: 'privacy' } | { page: 'room'; invitation: string; hostToken: string | null } | { page: 'unknown' };

export function routeOf(path: string, fragment: string): Route {
  if (path === '/' || path === '/index.html') return { page: 'home' };
  if (path === '/privacy') return { page: 'privacy' };
  const invitation = path.match(/^\/r\/([A-Za-z0-9_-]{1,64})\/?$/)?.[1];
  if (invitation === undefined) return { page: 'unknown' };
  const token = fragment.match(/^#host=([A-Za-z0-9_.-]{1,256})$/)?.[1] ?? null;
  return { page: 'room', invitation, hostToken: token };
}
