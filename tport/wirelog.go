package tport

import (
	"context"
	"log/slog"
)

// WireLog returns a trace that logs what comes and goes, whole and with the
// secrets removed (see [Redact]), at the given level: what Sofia wrote for
// TPORT_LOG. Attributes are proto, from, to, size in octets, kind, and text. It
// costs little while the logger is not enabled for the level, so it can stay in
// place and be switched by the level of the handler. The handler runs on the
// goroutines that read and write messages: it must not block.
func WireLog(logger *slog.Logger, level slog.Level) *Trace {
	return &Trace{Octets: func(o *Octets) {
		ctx := context.Background()
		if !logger.Enabled(ctx, level) {
			return
		}
		verb := "received"
		if o.Out {
			verb = "sent"
		}
		attrs := []slog.Attr{
			slog.String("proto", o.Key.Proto),
			slog.Any("from", o.Source()), slog.Any("to", o.Destination()),
			slog.Int("size", len(o.Text)), slog.String("kind", o.Kind.String()),
		}
		if o.Kind != OctetsDemuxed { // another protocol, and not text
			attrs = append(attrs, slog.String("text", string(Redact(nil, o.Text))))
		}
		logger.LogAttrs(ctx, level, verb, attrs...)
	}}
}
