package consensus

import "context"

// Who asks to join knows some nodes of the federation, but not who leads it. So a
// node that doesn't lead passes such a request on, once.

// answerMembership answers a node that wants to join or leave, or has the leader
// do so.
func (r *Raft) answerMembership(ctx context.Context, from string, request []byte) []byte {
	_, leader := r.raft.LeaderWithID()
	switch string(leader) {
	case "":
		return answer(answerNotLeader, 0)
	case r.id:
		return r.decide(ctx, from, request)
	}
	relayed := append(appendBytes([]byte{askRelayed}, []byte(from)), request...)
	data, err := r.forwarder.Forward(ctx, NodeOf(string(leader)), relayed)
	if err != nil || len(data) > AnswerBytes {
		return answer(answerUnknown, 0)
	}
	return data
}

// answerRelayed answers what a member passed on, as the leader or not at all. Who
// asked is believed of members alone.
func (r *Raft) answerRelayed(ctx context.Context, through string, request []byte) []byte {
	if r.member(through) != nil {
		return answer(answerNotLeader, 0) // its own trouble, not that of who asked
	}
	data := reader{data: request}
	from := data.bytes()
	if data.short || len(data.data) == 0 {
		return answer(answerBad, 0)
	}
	return r.decide(ctx, string(from), data.data)
}

func (r *Raft) decide(ctx context.Context, from string, request []byte) []byte {
	switch request[0] {
	case askJoin:
		c, err := readCandidate(request[1:])
		if err != nil {
			return answer(answerBad, 0)
		}
		return answerOf(0, r.admit(ctx, from, c))
	case askLeave:
		data := reader{data: request[1:]}
		node := data.bytes()
		if data.short || len(data.data) > 0 {
			return answer(answerBad, 0)
		}
		return answerOf(0, r.release(ctx, from, string(node)))
	}
	return answer(answerBad, 0)
}
