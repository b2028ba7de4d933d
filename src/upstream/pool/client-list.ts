// hot: per request
/**
 * A doubly linked list through its own members: a connection moves between the lists of its pool in
 * constant time.
 */

/** Set and read by the list only. A member is in one list at a time. */
export interface ListMember<Self> {
  previous: Self | null;
  next: Self | null;
}

export class MemberList<Member extends ListMember<Member>> {
  first: Member | null = null;
  last: Member | null = null;
  size = 0;

  addFirst(member: Member): void {
    member.previous = null;
    member.next = this.first;
    if (this.first === null) this.last = member;
    else this.first.previous = member;
    this.first = member;
    this.size++;
  }

  addLast(member: Member): void {
    member.next = null;
    member.previous = this.last;
    if (this.last === null) this.first = member;
    else this.last.next = member;
    this.last = member;
    this.size++;
  }

  remove(member: Member): void {
    const { previous, next } = member;
    if (previous === null) this.first = next;
    else previous.next = next;
    if (next === null) this.last = previous;
    else next.previous = previous;
    member.previous = null;
    member.next = null;
    this.size--;
  }
}
