/** "Cannot be evaluated" (policy.md §2); `detail` is set where the language fixes the words. */
export class Cannot {
  readonly detail: string | null;
  constructor(detail: string | null = null) {
    this.detail = detail;
  }
}

export type Answer = boolean | Cannot;
