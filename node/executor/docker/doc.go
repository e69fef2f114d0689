// Package docker is the backend that runs containers by the Docker engine of
// the node's own machine: the IVOA's executable kind docker-container, of an
// image that the engine has or can pull.
//
// Containers work in the directories of package work: each volume of a session
// is a directory there, mounted at its path; data to be read are mounted
// read-only. What a container prints goes to the files stdout and stderr while
// it runs; ended.json says how it ended, before the container is removed.
//
// A container gets the cores and the memory that are booked, no swap, and a
// bounded number of processes. It has no capabilities and can't gain any, the
// engine's seccomp profile, none of the machine's paths or devices, and a
// network that it shares with the executor's other containers, which it can't
// talk to. Where the engine can limit a container's own file system, it does;
// else what the session takes is measured every second or so, and a session that
// takes more storage than it has booked is stopped.
//
// Every container, network and volume bears labels that say whose it is; users'
// labels can't look like these. What belongs to no attempt is removed when the
// executor starts, and then every hour.
package docker
