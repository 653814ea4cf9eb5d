import { plainPage } from "./plain_page.ts";

/**
 * What somebody reads who follows an invitation's link. What the link holds stands behind the #, which browsers send to
 * nobody, so the page is the same for all.
 */
export const invitationPage = (origin: string): Response => plainPage(text(new URL(origin).origin));

const text = (origin: string): string => `You are invited to a team.

1. Sign in with the e-mail address that was invited, or sign up with it:

   POST ${origin}/v1/login    {"email": "…", "password": "…"}
   POST ${origin}/v1/signup   {"email": "…", "password": "…", "team": "a name for a team of your own"}

2. With \`Authorization: Bearer\` and the token of that answer:

   POST ${origin}/v1/invitations/accept   {"token": "what stands behind the # of this page's address"}

It works once, and for seven days.
`;
