package despatch

import "time"

// Registration says who an executor is and what it can do. It is sent to
// register, and again to say that something has changed, or where no poll or
// report has told the node of the executor within Registered.RenewSeconds.
type Registration struct {
	// Name is unique at the node; registering it again renews it.
	Name string `json:"name"`
	// Kinds are the URIs of everything the executor can deal with: kinds of
	// executable, kinds of data resource that it can stage, KindKeptStorage and
	// KindDataToken.
	Kinds []string `json:"kinds"`
	// Schemes are the URL schemes from which it stages simple data resources.
	Schemes []string `json:"schemes,omitempty"`
	// Capacity is all that it can give at one time.
	Capacity Capacity `json:"capacity"`
	// Windows are the times in which it works; none means always.
	Windows []Window `json:"windows,omitempty"`
	// Simulated marks an executor that runs nothing. It is offered work only of
	// kinds that no other executor of the pool takes, and every offer says so.
	Simulated bool `json:"simulated,omitzero"`
	// Origins are all that its connectors may ever lead to: addresses or
	// networks, with or without a port ("172.18.0.0/16", "172.18.0.2:8888",
	// "[fd00::]/64:8888"). None means that it has no connectors. An executor that
	// isn't built in may register what the node's configuration admits
	// (connect.networks).
	Origins []string `json:"origins,omitempty"`
	// LeaseSeconds is the lease it would like, 0 for the node's own; the node
	// grants it within the bounds sessions.leaseMin and sessions.leaseMax.
	LeaseSeconds int `json:"leaseSeconds,omitzero"`
	// Holding lists, in the first registration of an executor's life, the
	// historyRefs of the attempts that it has taken up from its last one; what
	// else was despatched to it is lost, and the node needn't wait for the lease
	// to end. Nil says nothing about attempts; empty says that there are none.
	Holding []string `json:"holding,omitzero"`
}

// Registered answers a Registration.
type Registered struct {
	UUID string `json:"uuid"`
	// RenewSeconds is how often the node wants to hear of the executor. One that
	// it has not heard of for three times as long counts as gone.
	RenewSeconds int `json:"renewSeconds"`
	// Messages say what of the registration the node doesn't act on, and why.
	Messages []string `json:"messages,omitempty"`
}

// Capacity is an amount of every resource that is booked.
type Capacity struct {
	Cores   int64 `json:"cores"`
	Memory  int64 `json:"memory"`  // GiB
	Storage int64 `json:"storage"` // GiB
	GPUs    int64 `json:"gpus"`
}

// Window is a time in which an executor works, from Start up to but not
// including End.
type Window struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}
