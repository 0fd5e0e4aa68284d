/** Files played into the room from here. */

import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { FileDeck, FilePlayer } from "../network/file-player";
import type { DeskState } from "../state/desk";
import { clock } from "../state/desk-words";
import { DeskIcon } from "./desk-icons";
import type { Draw, MeterCanvas } from "./meter-canvas";

const TICK_MS = 250;

/** The button that chooses files; dropping them anywhere on the desk does the same. */
export function PlayFile({ deck, disabled }: { deck: FileDeck; disabled: boolean }) {
  return (
    <label class={disabled ? "button small file-button off" : "button small file-button"}>
      <DeskIcon name="file" />
      <span>Play a file</span>
      <input
        class="sr"
        type="file"
        accept="audio/*,video/webm,.flac,.opus,.m4a"
        multiple
        disabled={disabled}
        aria-label="Play a file into the room"
        onChange={(event) => {
          const input = event.currentTarget;
          for (const file of input.files ?? []) deck.play(file);
          input.value = "";
        }}
      />
    </label>
  );
}

export function Files({ state, canvas }: { state: DeskState; canvas: MeterCanvas }) {
  if (state.files.value.length === 0) return null;
  return (
    <ul class="files" aria-label="Files played from here">
      {state.files.value.map((player) => (
        <Player key={player.key} player={player} canvas={canvas} />
      ))}
    </ul>
  );
}

function Player({ player, canvas }: { player: FilePlayer; canvas: MeterCanvas }) {
  const place = useRef<HTMLDivElement>(null);
  const position = useSignal(0);
  const at = player.at.value;
  const duration = player.duration.value;
  useEffect(() => {
    if (place.current === null) return;
    return canvas.addDrawing(place.current, waveformGraph(player));
  }, [canvas, player]);
  useSignalEffect(() => {
    position.value = player.position();
    if (player.at.value !== "playing") return;
    const timer = setInterval(() => (position.value = player.position()), TICK_MS);
    return () => clearInterval(timer);
  });
  useEffect(() => canvas.wake(), [canvas, at, duration, position.value]);
  const seek = (seconds: number) => {
    player.seek(seconds);
    position.value = player.position();
  };
  const playing = at === "playing";
  const words = { reading: "Reading it.", joining: "Joining the room.", playing: "", paused: "Paused.", failed: player.problem.value ?? "" }[at];
  return (
    <li class={`file ${at}`}>
      <span class="file-name" title={player.name}>
        {player.name}
      </span>
      <span class="file-time">
        {clock(position.value * 1000)} / {clock(duration * 1000)}
      </span>
      <div class="file-wave">
        <div class="file-wave-place" ref={place} />
        <input
          type="range"
          min={0}
          max={duration || 1}
          step="any"
          value={position.value}
          disabled={duration === 0}
          aria-label={`Position in ${player.name}`}
          aria-valuetext={`${clock(position.value * 1000)} of ${clock(duration * 1000)}`}
          onInput={(event) => seek(event.currentTarget.valueAsNumber)}
          onKeyDown={(event) => {
            const step = { ArrowLeft: -5, ArrowDown: -5, ArrowRight: 5, ArrowUp: 5, PageDown: -30, PageUp: 30 }[event.key];
            if (step === undefined) return;
            event.preventDefault();
            seek(player.position() + step);
          }}
        />
      </div>
      <div class="file-keys">
        <button class="key" type="button" aria-label={playing ? `Pause ${player.name}` : `Play ${player.name}`} disabled={at === "reading" || at === "joining" || (at === "failed" && duration === 0)} onClick={() => (playing ? player.pause() : player.play())}>
          <DeskIcon name={playing ? "pause" : "play"} />
        </button>
        <button class="key" type="button" aria-pressed={player.loop.value} aria-label={`Loop ${player.name}`} onClick={() => player.setLoop(!player.loop.value)}>
          <DeskIcon name="loop" />
        </button>
        <button class="key" type="button" aria-label={`Stop ${player.name}`} onClick={() => player.stop()}>
          <DeskIcon name="stop" />
        </button>
      </div>
      <p class="file-words" role="status">
        {words}
      </p>
    </li>
  );
}

function waveformGraph(player: FilePlayer): Draw {
  return ({ ink, box, colours }) => {
    const picture = player.picture;
    if (picture === null) return false;
    const here = player.duration.peek() === 0 ? 0 : (player.position() / player.duration.peek()) * box.width;
    const step = box.width / picture.length;
    const middle = box.y + box.height / 2;
    const draw = (from: number, to: number, colour: string) => {
      ink.fillStyle = colour;
      ink.beginPath();
      picture.forEach((largest, i) => {
        const x = i * step;
        if (x < from || x >= to) return;
        const height = Math.max(1, largest * box.height);
        ink.rect(box.x + x, middle - height / 2, Math.max(step - 0.3, 0.7), height);
      });
      ink.fill();
    };
    draw(0, here, colours.ok);
    draw(here, box.width, colours.dim);
    ink.fillStyle = colours.ink;
    ink.fillRect(box.x + here - 0.75, box.y, 1.5, box.height);
    return player.at.peek() === "playing";
  };
}
