/** A component that is drawn again only when one of its properties is another one. */

import { Component, type ComponentChild, type FunctionComponent } from "preact";

export function memo<P extends object>(Inner: FunctionComponent<P>) {
  return class extends Component<P> {
    override shouldComponentUpdate(next: Readonly<P>): boolean {
      const now: Readonly<P> = this.props;
      return Object.keys(next).length !== Object.keys(now).length || Object.entries(next).some(([k, v]) => now[k as keyof P] !== v);
    }

    override render(): ComponentChild {
      return <Inner {...(this.props as P)} />;
    }
  };
}
