"""What may happen to refunds, one use case each: load under the lock → ask the rules → change rows → emit."""
