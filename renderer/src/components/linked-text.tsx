/** A sentence whose addresses can be gone to. */
export function LinkedText({ text }: { text: string }) {
  // Every second piece is an address: that is what a group in a splitting pattern gives.
  return text.split(/(https:\/\/[^\s)]+[^\s).,;])/).map((piece, at) =>
    at % 2 === 0 ? (
      piece
    ) : (
      <a key={`${at} ${piece}`} href={piece} target="_blank" rel="noreferrer" className="text-accent underline">
        {piece}
      </a>
    ),
  );
}
