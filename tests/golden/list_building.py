def list_building(x, n):
    states = [x]
    for i in range(n):
        states.append(np.sin(states[-1]) + x)
    return np.sum(np.stack(states) ** 2)


# grad(list_building, wrt=0)

def list_building_grad(x, n):
    items = [x]
    items_item_stack = []
    for _ in range(n):
        items_item = items[-1]
        items_item_stack.append(items_item)
        items.append(np.sin(items_item) + x)
    # adjoint
    d_items = list(2 * np.stack(items))
    d_x = np.zeros_like(x)
    for _ in range(n):
        d_t = d_items.pop()
        d_x = d_x + d_t
        items_item = items_item_stack.pop()
        d_items[-1] = d_items[-1] + d_t * np.cos(items_item)
    d_x += d_items[0]
    return d_x
