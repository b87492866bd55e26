package web

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"

	"github.com/gouache-art/gouache/tracker"
)

// queueFields are what a form says of the worker that takes what it queues, and of how soon.
type queueFields struct {
	Devices                 []string // kinds to choose from
	Device, DeviceError     string   // the kind that the worker has to have, "" for any
	Priority, PriorityError string
	priority                int
}

func newQueueFields(devices []string, texts url.Values, from *tracker.Run) queueFields {
	f := queueFields{Devices: devices, Device: texts.Get("device"), Priority: texts.Get("priority")}
	if from != nil && from.Needs != "" {
		if !slices.Contains(devices, from.Needs) {
			f.Devices = append(slices.Clone(devices), from.Needs)
		}
		if !texts.Has("device") {
			f.Device = from.Needs
		}
	}
	if f.Device != "" && !slices.Contains(f.Devices, f.Device) {
		f.DeviceError = fmt.Sprintf("there is no device %.40q: choose one of the list", f.Device)
	}
	if f.Priority != "" {
		n, err := strconv.Atoi(f.Priority)
		if f.priority = n; err != nil || n < -tracker.MaxPriority || n > tracker.MaxPriority {
			f.PriorityError = fmt.Sprintf("the priority is a whole number from %d to %d, not %.40q", -tracker.MaxPriority, tracker.MaxPriority, f.Priority)
		}
	}
	return f
}

// Most is the greatest priority.
func (queueFields) Most() int { return tracker.MaxPriority }

// faulty reports whether something is wrong.
func (f *queueFields) faulty() bool { return f.DeviceError != "" || f.PriorityError != "" }

// set reports whether something was chosen.
func (f *queueFields) set() bool { return f.Device != "" || f.Priority != "" }
