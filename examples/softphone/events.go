package main

import (
	"context"

	"github.com/gosofia/sofia/nua"
)

// printEvents prints the events of all calls and registrations until the queue
// is closed.
func (p *phone) printEvents() {
	for event, err := range p.events.Events(context.Background()) {
		if err != nil {
			return
		}
		p.printEvent(event)
	}
}

func (p *phone) printEvent(event nua.Event) {
	switch e := event.(type) {
	case nua.StateChanged:
		r := record{Event: "state", State: e.State.String(), Status: e.Status, Phrase: e.Phrase}
		if e.Reinvite {
			r.Text = "reinvite"
		}
		if e.State == nua.Ready {
			r.Text = "audio " + e.Audio.String()
		}
		if e.State == nua.Terminated && !e.Reinvite {
			r.Call = p.release(e.Call())
		} else {
			r.Call = p.called(e.Call())
		}
		if e.Err != nil {
			r.Text = e.Err.Error()
			describe(&r, e.Err)
		}
		p.out.print(r)
	case nua.RegisterResult:
		r := record{Event: e.String(), State: e.State.String(), Status: e.Status, Phrase: e.Phrase}
		if reg, ok := e.Handle().(*nua.Registration); ok && e.Err == nil && !e.Unregister && e.Status/100 == 2 {
			r.Expires = int(reg.Expires().Seconds())
		}
		if e.Err != nil {
			r.Text = e.Err.Error()
		}
		p.out.print(r)
	case nua.InviteResult:
		r := record{Event: e.String(), Status: e.Status, Phrase: e.Phrase}
		r.Call = p.called(e.Call())
		if e.Err != nil {
			r.Text = e.Err.Error()
		}
		p.out.print(r)
	case nua.MediaError:
		r := record{Event: e.String(), Status: e.Status, Text: e.Err.Error()}
		r.Call = p.called(e.Call())
		p.out.print(r)
	default: // i_bye, i_cancel, i_ack, i_message, events_lost
		r := record{Event: event.String()}
		if call, ok := e.Handle().(*nua.Call); ok {
			r.Call = p.called(call)
		}
		p.out.print(r)
	}
}
