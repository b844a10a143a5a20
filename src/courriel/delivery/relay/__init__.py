"""Mail for elsewhere: from the queue over the DNS to other servers, one outcome for each recipient.

queue.claim → routing (MX, smart host) → lane (one next hop: its workers, its breaker) → worker (one connection)
    → smtp.client → attempts → model.retry → queue.mark → reports
"""
