"""What may happen to refunds, a use case each: load locked → ask the rules → change rows → emit."""
